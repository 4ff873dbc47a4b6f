"""The loss of the second autoencoder, and its panel."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch

from videocodec.training.second import losses
from videocodec.training.second.losses import SecondWeights, colour_planes, distortion
from videocodec.training.second.panel import Figures, as_markdown, as_rows, validate

NONE = SecondWeights(*[0.0] * len(fields(SecondWeights)))


def no_lpips(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(a))


def lost(decoded: torch.Tensor, weights: SecondWeights, lpips=no_lpips, step=1.0) -> torch.Tensor:
    target, steps = torch.zeros_like(decoded), torch.full((len(decoded),), step)
    rng = np.random.default_rng(0)
    return distortion(decoded, target, steps, lpips, weights, rng, max(1, len(decoded) // 2))


def test_grey_errors_are_luma_alone() -> None:
    luma, colour = colour_planes(torch.full((1, 3, 4, 4), 5.0))
    assert torch.allclose(luma, torch.full_like(luma, 5.0))
    assert torch.allclose(colour, torch.zeros_like(colour), atol=1e-5)


def test_colour_differences_are_those_of_ycbcr() -> None:
    blue = torch.zeros(1, 3, 4, 4)
    blue[:, 2] = 255
    luma, colour = colour_planes(blue)
    assert float(luma[0, 0, 0, 0]) == pytest.approx(0.114 * 255)
    assert colour[0, :, 0, 0].tolist() == pytest.approx([127.5, -20.7], abs=0.3)


@pytest.mark.parametrize("part", ["luma", "rgb", "coarse"])
def test_an_even_error_of_grey_counts_by_its_weight(part: str) -> None:
    weights = SecondWeights(**(vars(NONE) | {part: 2.0}))
    found = lost(torch.full((2, 3, 64, 64), 2 / 127.5), weights)
    assert found.tolist() == pytest.approx([8.0, 8.0], rel=1e-4)


@pytest.mark.parametrize("part", ["colour", "coarse_colour", "grid"])
def test_an_even_error_of_grey_is_no_colour_and_no_grid(part: str) -> None:
    weights = SecondWeights(**(vars(NONE) | {part: 2.0}))
    assert lost(torch.full((1, 3, 64, 64), 2 / 127.5), weights).tolist() == pytest.approx(
        [0], abs=1e-6
    )


def test_weak_colours_count_from_afar() -> None:
    decoded = torch.zeros(1, 3, 64, 64)
    decoded[:, 0] += 0.02
    (found,) = lost(decoded, SecondWeights(**(vars(NONE) | {"coarse_colour": 1.0}))).tolist()
    red, luma = 0.02 * 127.5, 0.299 * 0.02 * 127.5
    differences = (0.564 * -luma, 0.713 * (red - luma))
    assert found == pytest.approx(sum(v**2 for v in differences) / 2, rel=1e-3)


def test_lpips_looks_at_the_first_half_which_counts_for_all_and_more_at_coarse_steps() -> None:
    weights = SecondWeights(**(vars(NONE) | {"lpips": 10.0}))
    one = lambda a, b: torch.ones(len(a))
    found = lost(torch.zeros(4, 3, 64, 64), weights, one, step=2.0)
    assert found.tolist() == pytest.approx([2 * 10 * 2**1.4] * 2 + [0, 0])


def test_structure_is_left_out_unless_it_has_a_weight() -> None:
    generator = torch.Generator().manual_seed(0)
    decoded = 0.2 * torch.randn(1, 3, 64, 64, generator=generator)
    assert float(lost(decoded, NONE)) == 0
    assert float(lost(decoded, SecondWeights(**(vars(NONE) | {"structure": 1.0})))) > 0.1


def test_looks_are_from_many_places_and_of_many_sizes() -> None:
    rng, pair = np.random.default_rng(0), torch.zeros(2, 1, 3, 128, 128)
    sides = [losses.looks(*pair, rng)[0].shape[2:] for _ in range(60)]
    assert len({tuple(side) for side in sides}) > 20
    assert min(min(side) for side in sides) < 80 and max(max(side) for side in sides) == 128


def test_a_perfect_codec_has_perfect_figures() -> None:
    pictures = torch.rand(3, 3, 192, 192, generator=torch.Generator().manual_seed(0)) * 2 - 1
    perfect = lambda x, step: (x, 2 * step)
    rows = validate(perfect, pictures, lambda a, b: (a - b).abs().mean((1, 2, 3)), (0.5, 1.0))
    assert [(row.step, row.bpp, row.lpips, row.ms_ssim) for row in rows] == [
        (0.5, 1.0, 0.0, 1.0),
        (1.0, 2.0, 0.0, 1.0),
    ]
    assert rows[0].luma > 100
    off = lambda x, step: (x.clamp(-0.9, 0.9) + 10 / 127.5, step)
    (row,) = validate(off, pictures.clamp(-0.9, 0.9), lambda a, b: torch.zeros(len(a)), (1.0,))
    assert row.luma == pytest.approx(10 * np.log10(255**2 / 100), abs=0.01)
    assert row.colour > 80


def test_figures_become_rows_and_tables() -> None:
    figures = [Figures(0.3, 1.25, 31.123, 40.0, 0.1, 0.99)]
    assert as_rows(figures) == [[0.3, 1.25, 31.123, 40.0, 0.1, 0.99]]
    lines = as_markdown([("video", figures)]).splitlines()
    assert lines[0] == "video" and lines[-1] == "| 0.3 | 1.250 | 31.12 | 40.00 | 0.1000 | 0.9900 |"
