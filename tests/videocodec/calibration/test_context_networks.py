"""Context networks: trained in floats, used as integers that agree with them, and tables that are
complete.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bitstream.v1.adaptive_tables import FREQUENCY_TOTAL, TableSet
from bitstream.v1.context_model import (
    INTER,
    INTRA,
    LEVEL_SYMBOLS,
    LEVEL_TABLES,
    RADIUS,
    LevelCanvas,
    NetworkInputs,
    checkerboard,
)
from videocodec.calibration.context_networks import (
    LevelSample,
    batch_of_crops,
    fit_context_model,
    logistic_tables,
    to_frequencies,
    to_integers,
)
from videocodec.networks.context import ContextModel, logistic_bits
from videocodec.networks.weights import load_what_fits
from videocodec.training.budget import Budget

SLICES = (1, 2, 3)
HEIGHT, WIDTH = 6, 8
OUTPUT_STEP = 1 / 16


def random_model(inter: bool, seed: int = 0) -> ContextModel:
    torch.manual_seed(seed)
    model = ContextModel(SLICES, hidden=8, inter=inter)
    for parameter in model.parameters():
        parameter.data.normal_(0, 0.08)
    return model


@torch.no_grad()
@pytest.mark.parametrize("kind", [INTRA, INTER])
@pytest.mark.parametrize("log2_step", [-9, 0, 5, 16])
def test_integer_networks_agree_with_their_float_twins(kind: int, log2_step: int) -> None:
    """Every plane is at the same place, every pass sees the same, and only rounding is between
    them.
    """
    rng = np.random.default_rng(3)
    model = random_model(kind == INTER)
    levels = np.rint(rng.laplace(0, 3, (6, HEIGHT, WIDTH))).astype(np.int64)
    coded = rng.random((HEIGHT, WIDTH)) < 0.7 if kind == INTER else np.ones((HEIGHT, WIDTH), bool)
    magnitudes = rng.integers(0, 16, (2, 6, HEIGHT, WIDTH))
    levels[:, ~coded] = 0
    side = (
        (torch.from_numpy(coded[None, None]).float(), torch.from_numpy(magnitudes[None]).float())
        if kind == INTER
        else ()
    )
    wanted = [
        plane[0].numpy()
        for plane in model(
            torch.from_numpy(levels[None]).float(), torch.tensor([log2_step / 8]), *side
        )
    ]
    canvas = LevelCanvas(6, HEIGHT, WIDTH, log2_step, coded, magnitudes if kind == INTER else None)
    first = 0
    for network, own in zip(to_integers(model, kind), SLICES, strict=True):
        for second, mask in enumerate((checkerboard(HEIGHT, WIDTH), ~checkerboard(HEIGHT, WIDTH))):
            rows, columns = np.nonzero(mask)
            inputs = NetworkInputs(kind, first, own, bool(second), rows, columns)
            mean, scale = network.evaluate(canvas.features(inputs))
            for found, plane in zip((mean, scale), wanted, strict=True):
                difference = found.T / 16 - plane[first : first + own, rows, columns]
                assert np.abs(difference).max() < 2 * OUTPUT_STEP
            canvas.store(first, rows, columns, levels[first : first + own, rows, columns].T)
        first += own


def test_a_model_of_the_other_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="context model sees .* planes, the bitstream"):
        to_integers(random_model(inter=False), INTER)


class TestTables:
    def test_logistic_tables_are_probabilities_with_their_peak_at_the_mean(self) -> None:
        tables = logistic_tables()
        assert tables.shape == (LEVEL_TABLES, LEVEL_SYMBOLS)
        assert np.allclose(tables.sum(1), 1)
        assert np.all(tables >= 0)
        fractions = np.arange(LEVEL_TABLES) % 4
        narrow = np.arange(LEVEL_TABLES) < LEVEL_TABLES // 2
        assert np.all(tables[narrow & (fractions == 0)].argmax(1) == RADIUS)
        assert np.all(tables[narrow & (fractions == 3)].argmax(1) == RADIUS + 1)

    def test_wider_scales_spread_wider(self) -> None:
        at_the_mean = logistic_tables()[::4, RADIUS]
        assert np.all(np.diff(at_the_mean) < 0)

    @pytest.mark.parametrize("weight", [0.0, 1.0, 40.0])
    def test_frequencies_are_positive_and_add_up_whatever_was_counted(self, weight: float) -> None:
        counts = np.random.default_rng(0).integers(0, 1000, (20, 67)).astype(float)
        counts[3] = 0
        counts[3, 5] = 1e9
        frequencies = to_frequencies(counts, np.full((20, 67), 1 / 67), weight)
        assert np.all(frequencies.sum(1) == FREQUENCY_TOTAL)
        assert frequencies.min() >= 1
        assert frequencies[3].argmax() == 5
        TableSet(frequencies, 256)  # which checks them once more

    def test_without_counts_the_given_shape_remains(self) -> None:
        shape = logistic_tables()
        frequencies = to_frequencies(np.zeros_like(shape), shape, 1.0)
        assert np.abs(frequencies / FREQUENCY_TOTAL - shape).max() < 0.002

    def test_many_counts_outweigh_it(self) -> None:
        counts = np.zeros((1, 4))
        counts[0, 2] = 1000
        assert to_frequencies(counts, np.full((1, 4), 0.25), 4.0)[0, 2] > 0.99 * FREQUENCY_TOTAL


class TestFitting:
    def test_it_learns_what_there_is_to_learn(self) -> None:
        """Here every channel repeats the one before."""
        rng = np.random.default_rng(0)
        repeated = [
            np.repeat(np.rint(rng.laplace(0, 2, (1, 16, 16))), 3, axis=0) for _ in range(12)
        ]
        torch.manual_seed(0)
        model = ContextModel((1, 2), hidden=8)
        before = self.mean_bits(model, repeated)
        running = fit_context_model(
            [LevelSample(levels.astype(np.int64), 0.0) for levels in repeated],
            INTRA,
            model,
            Budget(steps=150),
            crop=16,
            batch=4,
        )
        assert self.mean_bits(model, repeated) < min(before - 0.1, running)

    def test_as_many_steps_give_the_same_weights_again(self) -> None:
        rng, models = np.random.default_rng(0), []
        levels = np.rint(rng.laplace(0, 2, (3, 16, 16))).astype(np.int64)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            for _ in range(2):
                generator = torch.Generator().manual_seed(5)
                models.append(ContextModel((1, 2), hidden=8, generator=generator))
                fit_context_model(
                    [LevelSample(levels, 0.0)], INTRA, models[-1], Budget(steps=4), 16, 4
                )
        finally:
            torch.set_num_threads(threads)
        first, second = (model.state_dict() for model in models)
        assert all(torch.equal(first[name], second[name]) for name in first)

    @staticmethod
    @torch.no_grad()
    def mean_bits(model: ContextModel, frames: list[np.ndarray]) -> float:
        """Bits of a level on average."""
        levels = torch.from_numpy(np.stack(frames)).float()
        return float(logistic_bits(levels, *model(levels, torch.zeros(len(frames)))).mean())

    def test_only_what_the_network_codes_counts(self) -> None:
        """Not what lies beyond a frame smaller than the crop, nor what was not coded or is the
        intra network's.
        """
        coded, intra = np.zeros((8, 8), bool), np.zeros((8, 8), bool)
        coded[:4] = intra[2:6] = True
        sample = LevelSample(
            np.ones((3, 8, 8), np.int64), 0.5, coded, intra, np.zeros((2, 3, 8, 8), np.int8)
        )
        levels, steps, coded_crop, counted, _ = batch_of_crops(
            [sample], 16, np.random.default_rng(0)
        )
        assert levels.shape == (1, 3, 16, 16)
        assert steps.tolist() == [0.5]
        assert np.array_equal(counted[0, 0, :8, :8].bool().numpy(), coded & ~intra)
        assert np.array_equal(coded_crop[0, 0, :8, :8].bool().numpy(), coded)
        assert counted.sum() == 16

    def test_clips_so_still_that_nothing_was_coded_leave_the_model_as_it_is(self) -> None:
        model = random_model(inter=True)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        assert np.isnan(fit_context_model([], INTER, model, Budget(steps=3)))
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())

    def test_another_models_weights_are_taken_over_and_new_planes_start_at_zero(self) -> None:
        intra = random_model(inter=False)
        inter = ContextModel(SLICES, hidden=8, inter=True)
        named = {f"rate.{name}": value.half() for name, value in intra.state_dict().items()}
        assert load_what_fits(inter, named, "rate.") == set(intra.state_dict())
        levels, step = torch.randn(1, 6, HEIGHT, WIDTH).round(), torch.zeros(1)
        with torch.no_grad():
            wanted = intra(levels, step)
            found = inter(
                levels, step, torch.ones(1, 1, HEIGHT, WIDTH), torch.ones(1, 2, 6, HEIGHT, WIDTH)
            )
        for a, b in zip(wanted, found, strict=True):
            assert torch.allclose(a, b, atol=0.02)
