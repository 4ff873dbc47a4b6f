"""The loss of the second autoencoder, per picture, in squared 8-bit grey levels.

Squared error is taken in luma and colour differences, so that it does not forget weak colours, and
again of what is seen from afar: means of 8×8 px, and of colour over 16×16 px.  LPIPS looks at a
part of the batch, at a random scale and from a random shift.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from ...judges.structure import lost_structure
from ..losses import block_mean_error, grey_level_error, grid_energy, squared_error

_LUMA = (0.299, 0.587, 0.114)  # BT.601, as are the two below
_BLUE_DIFFERENCE, _RED_DIFFERENCE = 0.564, 0.713
_COLOUR_BLOCK = 16  # px
_LARGEST_SHIFT = 8  # px
_SMALLEST_LOOK = 48  # px a side: less than LPIPS needs for a gradient worth having
_SHRUNK_SHARE, _LEAST_SCALE = 0.5, 0.5  # of looks: how many are of a smaller picture, and how small


@dataclass(frozen=True)
class SecondWeights:
    """Of the parts of the loss.

    luma, colour, rgb: squared error of luma, of both colour differences, of red, green and blue.
    coarse, coarse_colour: of means of 8×8 px, and of colour over 16×16 px.
    grid: energy of what repeats every 8 px.
    lpips: at step 1; it grows with step^1.4, and at step 4 is about as large as squared error.
    structure: 1 - MS-SSIM without brightness, likewise; 0 leaves it out.
    generation: all of this but LPIPS, of pictures that went there and back again
    (``generations``); 0 leaves it out.
    unfiltered: likewise, of pictures before the post-filter, where there is one: they are what the
    loop moves.
    rate: bits per pixel, times step².
    """

    luma: float = 1.6
    colour: float = 1.4
    rgb: float = 0.15
    coarse: float = 2.0
    coarse_colour: float = 9.0
    grid: float = 60.0
    lpips: float = 170.0
    structure: float = 1000.0
    generation: float = 1.2
    unfiltered: float = 0.3
    rate: float = 1000.0


Judge = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def colour_planes(error: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Error of RGB (B, 3, H, W) → of luma (B, 1, H, W) and of the colour differences (B, 2, H,
    W).
    """
    red_part, green_part, blue_part = (
        weight * error[:, i : i + 1] for i, weight in enumerate(_LUMA)
    )
    luma = red_part + green_part + blue_part
    blue, red = error[:, 2:] - luma, error[:, :1] - luma
    return luma, torch.cat([_BLUE_DIFFERENCE * blue, _RED_DIFFERENCE * red], 1)


def distortion(
    decoded: torch.Tensor,
    target: torch.Tensor,
    step: torch.Tensor,
    lpips: Judge,
    weights: SecondWeights,
    rng: np.random.Generator,
    looked_at: int,
) -> torch.Tensor:
    """Pictures (B, 3, H, W) in [-1, 1] and quantiser steps (B,) → (B,).

    looked_at: how many of the pictures LPIPS looks at, the first ones, which count for the others.
    """
    error = grey_level_error(decoded, target)
    luma, colour = colour_planes(error)
    total = (
        weights.luma * squared_error(luma)
        + weights.colour * 2 * squared_error(colour)
        + weights.rgb * squared_error(error)
        + weights.coarse * block_mean_error(error)
        + weights.coarse_colour * block_mean_error(colour, _COLOUR_BLOCK)
        + weights.grid * grid_energy(error)
    )
    perceptual = torch.zeros_like(total)
    if weights.lpips:
        seen = lpips(*looks(decoded[:looked_at], target[:looked_at], rng))
        perceptual[:looked_at] = weights.lpips * seen * (len(total) / looked_at)
    if weights.structure:
        perceptual = perceptual + weights.structure * lost_structure(decoded, target)
    return total + step**1.4 * perceptual


def looks(
    decoded: torch.Tensor, target: torch.Tensor, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both from a random shift, and every other time shrunk by a random factor."""
    dy, dx = (int(v) for v in rng.integers(0, _LARGEST_SHIFT, 2))
    pair = (decoded[..., dy:, dx:], target[..., dy:, dx:])
    is_shrunk, scale = rng.random() < _SHRUNK_SHARE, rng.uniform(_LEAST_SCALE, 1.0)
    size = [max(_SMALLEST_LOOK, round(scale * side)) for side in pair[0].shape[2:]]
    if not is_shrunk or any(new >= old for new, old in zip(size, pair[0].shape[2:], strict=True)):
        return pair
    first, second = (F.interpolate(p, size, mode="bilinear", antialias=True) for p in pair)
    return first, second
