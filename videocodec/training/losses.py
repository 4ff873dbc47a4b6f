"""Distances that networks are trained with, and that the encoder's judge counts with.

Errors are tensors (B, C, H, W) in 8-bit grey levels, ``GREY_LEVELS`` times a difference of pictures
in [-1, 1]; every function gives one figure per picture, (B,), in squared grey levels.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

GREY_LEVELS = 127.5  # of 8 bits, per unit of a picture in [-1, 1]
# Errors of the means of 8×8 px are counted again, half as much: what stays of an error when it is
# seen from afar.
BLOCK, BLOCK_MEAN_WEIGHT = 8, 0.5
GRID_WEIGHT = 60.0
# So little that less is not worth bits, or a network's attention: squared grey levels, LPIPS.
ENOUGH_SQUARED_ERROR, ENOUGH_LPIPS = 4.0, 0.02
_GRID, _GRID_WINDOW = 8, 64  # px: pattern period looked for, and the area it has to be steady over


def grey_level_error(decoded: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The difference of pictures in [-1, 1], in grey levels."""
    return (decoded - target) * GREY_LEVELS


def squared_error(error: torch.Tensor) -> torch.Tensor:
    """Mean squared error, (B,)."""
    return (error**2).mean((1, 2, 3))


def block_mean_error(error: torch.Tensor, side: int = BLOCK) -> torch.Tensor:
    """Mean squared error of the means of side×side px, (B,); rows and columns left over are not
    looked at.
    """
    return (F.avg_pool2d(error, side) ** 2).mean((1, 2, 3))


def squared_error_with_blocks(error: torch.Tensor) -> torch.Tensor:
    """Mean squared error + half that of 8×8 means, (B,)."""
    return squared_error(error) + BLOCK_MEAN_WEIGHT * block_mean_error(error)


def grid_energy(error: torch.Tensor) -> torch.Tensor:
    """Energy (B,) of the part of an error that repeats every 8 px over 64×64 px, without its mean;
    both sides must be at least 64 px.

    Decoders of latents like to leave such a grid on flat areas.  Neither squared error nor LPIPS
    minds it much, eyes do.
    """
    batch, channels, height, width = error.shape
    rows, columns, blocks = height // _GRID_WINDOW, width // _GRID_WINDOW, _GRID_WINDOW // _GRID
    windows = error[..., : rows * _GRID_WINDOW, : columns * _GRID_WINDOW]
    pattern = windows.reshape(batch, channels, rows, blocks, _GRID, columns, blocks, _GRID).mean(
        (3, 6)
    )
    return ((pattern - pattern.mean((3, 5), keepdim=True)) ** 2).mean((1, 2, 3, 4, 5))
