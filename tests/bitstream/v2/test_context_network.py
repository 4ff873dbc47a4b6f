"""Context networks of version 2 are exact: plain Python, with integers of any size, agrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from bitstream.v2.canvas import ValueCanvas
from bitstream.v2.context_network import (
    INPUT_LIMIT,
    SIZES,
    TAPS,
    WEIGHT_LIMIT,
    SliceNetwork,
    planes_of,
)
from bitstream.v2.level_contexts import SCALE_BINS, scale_bins

from ...conformance.float_environment import ROUNDINGS, Unavailable, floats
from .synthetic import random_tables
from .test_level_syntax import random_levels, read, written

ROOT = Path(__file__).parents[3]


def clip(value: int, limit: int) -> int:
    return min(max(value, -limit), limit)


def evaluated(
    network: SliceNetwork, planes: list[list[int]], flags: tuple[int, ...], log2_step: int
) -> list[int]:
    """Means, then log2 scales, of one position, as FORMAT-2.md has it.

    planes: the nine taps of every plane: values, sizes, inside, sizes with signs.
    """
    n = len(planes) // 3
    constant = [[factor * tap for tap in planes[2 * n]] for factor in (*flags, log2_step, 1)]
    sums = summed([*planes[: 2 * n], *constant], network.direct, network.direct_bias)
    before = [*planes[n : 2 * n], *constant, *planes[2 * n + 1 :]]
    active = [
        min(max(value >> 8, 0), 2**20 - 1)
        for value in summed(before, network.gather, network.gather_bias)
    ]
    found = []
    for output, direct in enumerate(sums):
        mixed = sum(a * int(w) for a, w in zip(active, network.mix[:, output], strict=True)) >> 4
        found.append(clip((mixed + direct + 2**11) >> 12, 2**17 - 1))
    return found


def summed(planes: list[list[int]], weights: np.ndarray, biases: np.ndarray) -> list[int]:
    inputs = [value for plane in planes for value in plane]
    return [
        sum(x * w for x, w in zip(inputs, column, strict=True)) + int(bias)
        for column, bias in zip(weights.astype(np.int64).T.tolist(), biases, strict=True)
    ]


def test_sizes_are_logarithms() -> None:
    magnitudes = np.arange(INPUT_LIMIT + 1)
    assert np.array_equal(SIZES, np.rint(16 * np.log2(1 + magnitudes / 16)))
    assert SIZES[[0, 1, 16, 48, INPUT_LIMIT]].tolist() == [0, 1, 16, 32, 144]


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([100, 5000, WEIGHT_LIMIT]),
    largest=st.sampled_from([3, 200, INPUT_LIMIT]),
    direction=st.sampled_from(("nearest", *ROUNDINGS)),
)
def test_networks_agree_with_integers_of_any_size(
    seed: int, size: int, largest: int, direction: str
) -> None:
    network, rng = random_tables(seed, (1, 2), 4, size).networks[1], np.random.default_rng(seed)
    values = rng.integers(-largest, largest + 1, (3, TAPS))
    inside = rng.integers(0, 2, (1, TAPS))
    sizes = SIZES[np.abs(values)]
    planes = np.concatenate([values, sizes, inside, np.sign(values) * sizes]).tolist()
    flags, log2_step = (1, 0, 2), int(rng.integers(-26, 59))
    features = np.array(planes, dtype=np.float64).reshape(1, -1)
    try:
        with floats(direction):
            weights = network.for_pass(flags, log2_step)
            found = np.concatenate(network.evaluate(features, weights), 1)[0].tolist()
    except Unavailable as error:
        pytest.skip(str(error))
    assert found == evaluated(network, planes, flags, log2_step)


def test_the_largest_sums_stay_exact() -> None:
    """Of 64 channels and 256 hidden units, all at their limits: below 2^53."""
    planes = planes_of(0, 64)
    gathered = TAPS * (planes - 5) * INPUT_LIMIT * WEIGHT_LIMIT
    gathered += TAPS * WEIGHT_LIMIT * (1 + 1 + 3 + 58 + 1) + WEIGHT_LIMIT
    mixed = 256 * (2**20 - 1) * WEIGHT_LIMIT
    assert gathered < 2**53 and mixed < 2**53 and (mixed >> 4) + gathered < 2**53


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_do_not_matter(threads: int) -> None:
    levels = random_levels(5, 24, 24, 2.0)
    payload, values, _ = written(levels)
    with threadpool_limits(threads, user_api="blas"):
        assert np.array_equal(read(payload, 24, 24), values)


@pytest.mark.parametrize("direction", ROUNDINGS)
def test_rounding_does_not_matter(direction: str) -> None:
    levels = random_levels(6, 12, 12, 2.0)
    payload, values, _ = written(levels)
    try:
        with floats(direction):
            assert np.array_equal(read(payload, 12, 12), values)
    except Unavailable as error:
        pytest.skip(str(error))


def test_values_enter_clamped_and_the_border_is_zero() -> None:
    canvas = ValueCanvas(2, 9, 9)
    corner = np.array([0]), np.array([0])
    canvas.store(0, *corner, np.array([[INPUT_LIMIT + 5, -7]]))
    found = canvas.features((0, 1), *corner, 8)[0].reshape(7, 3, 3)
    assert found[:, 1, 1].tolist() == [INPUT_LIMIT, -7, 144, 8, 1, 144, -8]
    assert found[4].tolist() == [[0, 0, 0], [0, 1, 1], [0, 1, 1]]
    others = np.delete(found, 4, 0)
    assert not others[:, 0].any() and not others[:, :, 0].any()


def test_neighbours_are_those_of_the_grid() -> None:
    canvas = ValueCanvas(1, 16, 16)
    rows, columns = (plane.ravel() for plane in np.mgrid[:16, :16])
    canvas.store(0, rows, columns, (16 * rows + columns)[:, None])
    found = canvas.features((0,), np.array([8]), np.array([4]), 4)[0].reshape(4, 3, 3)
    assert found[0].tolist() == [[64, 68, 72], [128, 132, 136], [192, 196, 200]]


def test_scales_are_rounded_to_quarters_of_an_octave() -> None:
    sixteenths = np.array([-1000, -81, -79, -78, -77, 0, 1, 2, 112, 1000])
    assert scale_bins(sixteenths).tolist() == [0, 0, 0, 1, 1, 20, 20, 21, 48, 48]
    assert SCALE_BINS == 49
