"""Structure that a picture has lost, as MS-SSIM sees it (Wang, Simoncelli, Bovik 2003), and MS-SSIM
itself: they need no weights, and have a gradient.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from .structure_scales import C1, C2, LUMA, SCALE_WEIGHTS, SIGMA, WINDOW

_MIDDLE = 127.5  # grey level of 0 in [-1, 1]


def lost_structure(pictures: torch.Tensor, sources: torch.Tensor) -> torch.Tensor:
    """Of pictures (B, 3, H, W), RGB in [-1, 1] → (B,), 0 for equal ones, up to 2.

    The mean over luma's scales of 1 less contrast and structure, which to first order is 1 −
    MS-SSIM without the brightness; as a sum it can be taken of a picture's parts.  Scales with less
    than 11 px a side are left out; 0 if none is left.
    """
    a, b = _luma(pictures), _luma(sources)
    total, weights = a.new_zeros(len(a)), 0.0
    for weight in SCALE_WEIGHTS:
        if min(a.shape[2:]) < WINDOW:
            break
        similarity = _kept(a, b)
        total, weights = total + weight * (1 - similarity.mean((1, 2, 3))), weights + weight
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return total / weights if weights else total


def ms_ssim(pictures: torch.Tensor, sources: torch.Tensor) -> torch.Tensor:
    """MS-SSIM of the luma of pictures (B, 3, H, W), RGB in [-1, 1], both sides at least 176 px →
    (B,), 1 for equal ones.
    """
    a, b = _luma(pictures), _luma(sources)
    product = a.new_ones(len(a))
    for scale, weight in enumerate(SCALE_WEIGHTS):
        similarity = _kept(a, b)
        if scale == len(SCALE_WEIGHTS) - 1:
            similarity = similarity * _brightness(a, b)
        product = product * similarity.mean((1, 2, 3)).clamp_min(0) ** weight
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return product


def _luma(pictures: torch.Tensor) -> torch.Tensor:
    """(B, 1, H, W) in grey levels, less their middle."""
    weights = torch.tensor(LUMA, device=pictures.device).reshape(1, 3, 1, 1) * _MIDDLE
    return (pictures * weights).sum(1, keepdim=True)


def _kept(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """A map of what is kept of contrast and structure."""
    mean_a, mean_b = _blurred(a), _blurred(b)
    variances = _blurred(a * a) - mean_a**2 + _blurred(b * b) - mean_b**2
    covariance = _blurred(a * b) - mean_a * mean_b
    return (2 * covariance + C2) / (variances + C2)


def _brightness(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """A map of what is kept of brightness."""
    a, b = _blurred(a) + _MIDDLE, _blurred(b) + _MIDDLE
    return (2 * a * b + C1) / (a**2 + b**2 + C1)


def _blurred(x: torch.Tensor) -> torch.Tensor:
    """With a Gaussian window, where it fits."""
    taps = torch.exp(-((torch.arange(WINDOW, device=x.device) - WINDOW // 2) ** 2) / (2 * SIGMA**2))
    taps = taps / taps.sum()
    down, across = (_band(taps, side) for side in x.shape[2:])
    return down.T @ (x @ across)


def _band(taps: torch.Tensor, length: int) -> torch.Tensor:
    """Matrix (length, length - 10) that filters the rows multiplied by it.

    Convolutions of one channel, and their gradients most of all, take CPUs ten times as long.
    """
    fits = length - len(taps) + 1
    band = taps.new_zeros(length, fits)
    for index, tap in enumerate(taps):
        band[index : index + fits].fill_diagonal_(tap)
    return band
