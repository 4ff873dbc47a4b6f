"""Structure that a picture has lost, as MS-SSIM sees it (Wang, Simoncelli, Bovik 2003): needs no
weights, and has a gradient.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

# of the scales, each half as fine as the one before
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW, _SIGMA = 11, 1.5  # px
_C2 = (0.03 * 255) ** 2
_LUMA = (0.299, 0.587, 0.114)  # BT.601


def lost_structure(pictures: torch.Tensor, sources: torch.Tensor) -> torch.Tensor:
    """Of pictures (B, 3, H, W), RGB in [-1, 1] → (B,), 0 for equal ones, up to 2.

    The mean over luma's scales of 1 less contrast and structure, which to first order is 1 −
    MS-SSIM without the brightness; as a sum it can be taken of a picture's parts.  Scales with less
    than 11 px a side are left out; 0 if none is left.
    """
    luma = torch.tensor(_LUMA, device=pictures.device).reshape(1, 3, 1, 1) * 127.5
    a, b = ((x * luma).sum(1, keepdim=True) for x in (pictures, sources))
    total, weights = a.new_zeros(len(a)), 0.0
    for weight in _WEIGHTS:
        if min(a.shape[2:]) < _WINDOW:
            break
        mean_a, mean_b = _blurred(a), _blurred(b)
        variances = _blurred(a * a) - mean_a**2 + _blurred(b * b) - mean_b**2
        covariance = _blurred(a * b) - mean_a * mean_b
        kept = (2 * covariance + _C2) / (variances + _C2)
        total, weights = total + weight * (1 - kept.mean((1, 2, 3))), weights + weight
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return total / weights if weights else total


def _blurred(x: torch.Tensor) -> torch.Tensor:
    """With a Gaussian window, where it fits."""
    taps = torch.exp(
        -((torch.arange(_WINDOW, device=x.device) - _WINDOW // 2) ** 2) / (2 * _SIGMA**2)
    )
    taps = taps / taps.sum()
    return F.conv2d(F.conv2d(x, taps.reshape(1, 1, 1, -1)), taps.reshape(1, 1, -1, 1))
