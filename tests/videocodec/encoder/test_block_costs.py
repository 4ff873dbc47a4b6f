"""Costs of blocks: the least of what a sample can be coded as, and what weights make of it."""

from __future__ import annotations

import numpy as np
import pytest

from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent
from videocodec.encoder.block_costs import BlockCosts, ErrorWeights, FrameCosts, RateEstimates
from videocodec.encoder.certainty import MOST_CERTAIN
from videocodec.encoder.importance import USUAL_CLASS, WEIGHTS

QUANTISER, BLOCK = 40, 2


def frame_costs(
    distance: float,
    weights: tuple[float, ...] = (1.0, 1.0),
    classes: np.ndarray | None = None,
    certainty: np.ndarray | None = None,
) -> FrameCosts:
    """Two channels, 2 × 3 blocks, all samples so many steps away from a prediction of zero."""
    latents = np.full((2, 4, 6), distance * step_latent(QUANTISER), dtype=np.float32)
    classes = np.full((2, 3), USUAL_CLASS) if classes is None else classes
    prices = BlockCosts(0.1, np.array(weights, dtype=np.float32))
    return FrameCosts(prices, latents, QUANTISER, BLOCK, ErrorWeights(classes, None, certainty))


ZERO = np.zeros((2, 4, 6), dtype=np.int32)
SKIP = 0.1 * RateEstimates().skip


@pytest.mark.parametrize("distance", [0.0, 0.3, 1.0, 2.4, 9.0])
def test_a_sample_costs_the_least_of_all_levels(distance: float) -> None:
    costs = frame_costs(distance)
    rates = BlockCosts(0.1, np.ones(2, dtype=np.float32)).rates
    zero, nonzero, slope = rates.levels
    x = (np.floor(distance * 16) + 0.5) / 16  # the middle of the table's entry
    samples = [x**2 + 0.1 * zero] + [
        (x - level) ** 2 + 0.1 * (nonzero + slope * np.log2(level)) for level in range(1, 12)
    ]
    skip, residual = costs.skip_and_residual(ZERO)
    assert np.allclose(skip, 8 * distance**2 + 0.1 * rates.skip, atol=1e-3)
    assert np.allclose(residual, 8 * min(samples) + 0.1 * rates.residual, rtol=1e-3, atol=1e-3)
    assert np.array_equal(costs.cheapest(ZERO), np.minimum(skip, residual))


def test_a_perfect_prediction_has_no_error() -> None:
    prediction = np.full(
        (2, 4, 6), round(3 * step_latent(QUANTISER) * UNITS_PER_LATENT), dtype=np.int32
    )
    assert np.allclose(frame_costs(3.0).skip_and_residual(prediction)[0], SKIP, atol=1e-3)


def test_weights_by_channel_and_by_block_multiply_errors() -> None:
    classes = np.array([[0, 2, 4], [2, 2, 2]])
    skip = frame_costs(1.0, (0.5, 1.5), classes).skip_and_residual(ZERO)[0]
    assert np.allclose(skip - SKIP, [[4, 8, 16], [8, 8, 8]])
    assert np.allclose(frame_costs(1.0, (0.0, 1.0)).skip_and_residual(ZERO)[0] - SKIP, 4)


def test_certainty_multiplies_the_errors_of_samples() -> None:
    certainty = np.ones((2, 4, 6), dtype=np.float32)
    certainty[1, :2, 2:4], certainty[0, 3, 5] = 4, 0.25
    classes = np.array([[0, 2, 4], [2, 2, 2]])
    skip = frame_costs(1.0, classes=classes, certainty=certainty).skip_and_residual(ZERO)[0]
    assert np.allclose(skip - SKIP, [[4, 20, 16], [8, 8, 7.25]])


@pytest.mark.parametrize("distance", [0.3, 0.75, 2.4])
def test_samples_cost_by_certainty_what_they_cost_by_class(distance: float) -> None:
    classes = np.array([[0, 2, 4], [2, 2, 2]])
    certainty = np.ones((2, 4, 6), dtype=np.float32)
    certainty[:, :2, :2], certainty[:, :2, 4:] = 0.5, 2
    by_class, by_certainty = (
        frame_costs(distance, classes=classes),
        frame_costs(distance, certainty=certainty),
    )
    assert np.allclose(by_certainty.cheapest(ZERO), by_class.cheapest(ZERO), rtol=1e-5)
    assert np.allclose(by_certainty.intra(), by_class.intra(), rtol=1e-5)


def test_the_least_and_the_most_certainty_are_within_the_tables() -> None:
    classes = np.array([[len(WEIGHTS) - 1, 4, 4], [2, 2, 2]])
    certainty = np.full((2, 4, 6), 1 / MOST_CERTAIN, dtype=np.float32)
    certainty[:, :, 2:] = MOST_CERTAIN
    costs = frame_costs(0.75, classes=classes, certainty=certainty).intra()
    assert costs[0, 0] < costs[0, 1] == costs[0, 2]


def test_levels_pay_sooner_where_errors_count_more() -> None:
    classes = np.array([[0, 2, 4], [2, 2, 2]])
    skip, residual = frame_costs(0.75, classes=classes).skip_and_residual(ZERO)
    gain = skip - residual
    assert gain[0, 0] < gain[0, 1] < gain[0, 2]


def test_a_vector_costs_more_the_further_it_is_from_its_predictor() -> None:
    bits = BlockCosts(1.0, np.ones(1, dtype=np.float32)).vectors(
        np.array([[0, 0], [0, 1], [3, 1], [-30, 40]])
    )
    assert bits[0] == BlockCosts(1.0, np.ones(1, dtype=np.float32)).rates.same_vector
    assert np.all(np.diff(bits) > 0)


def test_some_blocks_cost_what_they_do_among_all() -> None:
    rng = np.random.default_rng(0)
    prediction = rng.integers(-200, 200, (2, 4, 6)).astype(np.int32)
    costs = frame_costs(1.0, (0.5, 1.5), np.array([[0, 2, 4], [1, 3, 2]]))
    at = np.array([[2, 3, 8, 9], [16, 17, 22, 23]])  # of blocks (0, 1) and (1, 2)
    found = costs.cheapest_at(prediction.reshape(2, -1)[:, at], at)
    assert np.allclose(found, costs.cheapest(prediction)[[0, 1], [1, 2]])
