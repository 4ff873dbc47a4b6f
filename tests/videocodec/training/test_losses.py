"""Losses of training: what each is of, on errors made by hand."""

from __future__ import annotations

import pytest
import torch

from videocodec.training.losses import (
    block_mean_error,
    grey_level_error,
    grid_energy,
    squared_error,
    squared_error_with_blocks,
)


def test_errors_are_in_grey_levels() -> None:
    black, white = torch.full((2, 3, 8, 8), -1.0), torch.full((2, 3, 8, 8), 1.0)
    assert squared_error(grey_level_error(black, white)).tolist() == [255.0**2] * 2


def test_an_offset_counts_half_again_and_an_alternation_does_not() -> None:
    offset = torch.full((1, 3, 16, 24), 2.0)
    alternation = offset.clone()
    alternation[..., ::2] *= -1
    errors = torch.cat([offset, alternation])
    assert block_mean_error(errors).tolist() == [4.0, 0.0]
    assert squared_error_with_blocks(errors).tolist() == [6.0, 4.0]


def test_block_means_can_be_of_other_sides() -> None:
    stripes = torch.ones(1, 1, 16, 16)
    stripes[..., 8:] = -1
    assert [float(block_mean_error(stripes, side)) for side in (8, 16)] == [1.0, 0.0]


def test_grid_energy_is_of_what_repeats_every_8_px_without_its_mean() -> None:
    pattern = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    grid = pattern.repeat(1, 1, 16, 8)
    without_mean = pattern - pattern.mean((2, 3), keepdim=True)
    assert float(grid_energy(grid)) == pytest.approx(float(without_mean.square().mean()), rel=1e-5)
    assert float(grid_energy(grid + 7)) == pytest.approx(float(grid_energy(grid)), rel=1e-3)
    noise = torch.randn(1, 3, 128, 64, generator=torch.Generator().manual_seed(1))
    assert float(grid_energy(noise)) < 0.05 * float(noise.square().mean())


def test_what_is_left_over_at_the_edges_is_not_looked_at() -> None:
    error = torch.zeros(1, 1, 70, 70)
    error[..., 64:] = 100
    assert float(grid_energy(error)) == 0
    assert float(block_mean_error(error, 64)) == 0
