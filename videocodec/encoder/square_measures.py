"""How near every square of 64 px of a decoded picture is to its source."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..guard import BEST_PSNR, SQUARE, Measure

_WINDOW, _SIGMA = 11, 1.5  # px
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def square_measures(
    measure: Measure, decoded: np.ndarray, source: np.ndarray
) -> npt.NDArray[np.float64]:
    """What every square of a decoded picture keeps of its source, both (H, W, 3) uint8 RGB →
    (rows, columns).

    "psnr": of all three channels together, dB, at most ``BEST_PSNR``.  "ssim": the mean over the
    square of the map that Wang et al. (2004) define, of BT.601's luma, with a Gaussian window of
    11 px that looks beyond the square's border.
    """
    if measure == "psnr":
        error = np.square(decoded.astype(np.float32) - source).mean(2)
        return 10 * np.log10(255**2 / np.maximum(_means(error), 255**2 / 10 ** (BEST_PSNR / 10)))
    a, b = (cv2.cvtColor(p, cv2.COLOR_RGB2GRAY).astype(np.float32) for p in (decoded, source))
    mean_a, mean_b = _blurred(a), _blurred(b)
    variances = _blurred(a * a) - mean_a**2 + _blurred(b * b) - mean_b**2
    covariance = _blurred(a * b) - mean_a * mean_b
    brightness = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    return _means(brightness * (2 * covariance + _C2) / (variances + _C2))


def _blurred(plane: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(plane, (_WINDOW, _WINDOW), _SIGMA, borderType=cv2.BORDER_REFLECT_101)


def _means(plane: np.ndarray) -> npt.NDArray[np.float64]:
    """(H, W) → the mean of every square."""
    tops, lefts = (np.arange(0, size, SQUARE) for size in plane.shape)
    sums = np.add.reduceat(np.add.reduceat(plane.astype(np.float64), tops, 0), lefts, 1)
    heights, widths = (
        np.minimum(SQUARE, size - starts)
        for size, starts in zip(plane.shape, (tops, lefts), strict=True)
    )
    means: npt.NDArray[np.float64] = sums / np.outer(heights, widths)
    return means
