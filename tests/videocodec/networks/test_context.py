"""The float context model: what it may look at, and the price of a level."""

from __future__ import annotations

import pytest
import torch

from videocodec.networks.context import ContextModel, checkerboard, logistic_bits, slice_sizes

SLICES = (1, 2, 3)


def random_model(inter: bool = False) -> ContextModel:
    torch.manual_seed(0)
    model = ContextModel(SLICES, hidden=6, inter=inter)
    for parameter in model.parameters():
        parameter.data.normal_(0, 0.3)
    return model


@torch.no_grad()
@pytest.mark.parametrize(
    ("channel", "row", "column"), [(0, 2, 2), (0, 2, 3), (2, 4, 4), (2, 4, 5), (5, 3, 3), (5, 3, 4)]
)
def test_a_level_only_influences_what_is_coded_after_it(
    channel: int, row: int, column: int
) -> None:
    """Coded after it: later slices, and for a first-pass position the second pass of its own
    slice.
    """
    model, levels = random_model(), torch.randn(1, 6, 8, 8).round()
    changed = levels.clone()
    changed[0, channel, row, column] += 5
    step = torch.zeros(1)
    before, after = torch.cat(model(levels, step), 0), torch.cat(model(changed, step), 0)
    influenced = (before - after).abs().sum(0) > 1e-6
    bounds = [(0, 1), (1, 3), (3, 6)]
    first, end = next(slice_ for slice_ in bounds if slice_[0] <= channel < slice_[1])
    first_pass = checkerboard(8, 8, torch.device("cpu"))[0, 0].bool()
    assert not influenced[:first].any()
    assert not influenced[first:end, first_pass].any()
    assert influenced[first:end].any() == bool(first_pass[row, column])
    assert influenced[end:].any() == (end < 6)


@torch.no_grad()
def test_inter_models_also_see_what_is_coded_the_prediction_and_the_previous_levels() -> None:
    model, levels, step = random_model(inter=True), torch.zeros(1, 6, 4, 4), torch.zeros(1)
    coded, magnitudes = torch.ones(1, 1, 4, 4), torch.zeros(1, 2, 6, 4, 4)
    mean, _ = model(levels, step, coded, magnitudes)
    for changed in (
        model(levels, step, 0 * coded, magnitudes),
        model(levels, step, coded, magnitudes + 1),
        model(levels, step + 1, coded, magnitudes),
    ):
        assert not torch.allclose(mean, changed[0])


def test_a_new_model_starts_as_a_linear_predictor_its_hidden_layer_adds_nothing() -> None:
    model = ContextModel(SLICES, hidden=6)
    assert not any(net.mix.weight.detach().any() for net in model.nets)


def test_slices_cover_every_channel_once() -> None:
    mean, scale = ContextModel((1, 1, 2, 4, 8))(torch.zeros(2, 16, 4, 6), torch.zeros(2))
    assert mean.shape == scale.shape == (2, 16, 4, 6)


@pytest.mark.parametrize("log2_scale", [-1.0, 0.0, 2.0])
@pytest.mark.parametrize("mean", [0.0, 0.3, -2.25])
def test_probabilities_of_all_levels_add_up_to_one(mean: float, log2_scale: float) -> None:
    levels = torch.arange(-200, 201, dtype=torch.float64)
    bits = logistic_bits(
        levels,
        torch.tensor(mean, dtype=torch.float64),
        torch.tensor(log2_scale, dtype=torch.float64),
    )
    assert float(torch.exp2(-bits).sum()) == pytest.approx(1, abs=1e-5)


def test_a_level_is_dearer_the_further_it_lies_from_the_mean() -> None:
    bits = logistic_bits(torch.tensor([0.0, 1.0, 2.0, 5.0]), torch.zeros(4), torch.zeros(4))
    assert torch.all(bits.diff() > 0)


@pytest.mark.parametrize(
    ("channels", "slices"),
    [(1, (1,)), (4, (1, 1, 2)), (8, (1, 1, 2, 4)), (16, (1, 1, 2, 4, 8)), (24, (1, 1, 2, 4, 8, 8))],
)
def test_slices_double_and_cover_all_channels(channels: int, slices: tuple[int, ...]) -> None:
    assert slice_sizes(channels) == slices
