"""What a decoded picture has lost of its source, with a gradient worked out by hand: squared error
of luma and colour, and structure.

No torch: ``judges.structure`` is the same for training.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ..judges.structure_scales import C2, LUMA, SCALE_WEIGHTS, SIGMA, WINDOW

Plane = npt.NDArray[np.float32]

GREY_LEVELS = np.float32(127.5)  # that 1 stands for in pictures
_TAPS = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * SIGMA**2))
_TAPS = (_TAPS / _TAPS.sum()).astype(np.float32)
_AROUND = WINDOW // 2


@dataclass(frozen=True)
class Loss:
    """metric (3, 3): an error e of RGB in grey levels counts eᵀ·metric·e.  structure: what all of
    it, lost, counts for every pixel.
    """

    metric: Plane
    structure: float = 0.0

    def __call__(self, decoded: Plane, source: Plane) -> tuple[float, Plane]:
        """Pictures (3, H, W), RGB in about [-1, 1] → the sum over the pixels, and its gradient for
        the first.
        """
        error = (decoded - source) * GREY_LEVELS
        counted = np.tensordot(self.metric, error, 1)
        lost = float(np.einsum("ihw,ihw->", error, counted, dtype=np.float64))
        gradient = 2 * GREY_LEVELS * counted
        if self.structure:
            weights = GREY_LEVELS * np.array(LUMA, np.float32)
            lumas = (np.tensordot(weights, picture, 1) for picture in (decoded, source))
            share = self.structure * decoded.shape[1] * decoded.shape[2]
            structure, by_luma = lost_structure(*lumas)
            lost += share * structure
            gradient += (np.float32(share) * weights)[:, None, None] * by_luma
        return lost, gradient


def lost_structure(a: Plane, b: Plane) -> tuple[float, Plane]:
    """As ``judges.structure.lost_structure`` of luma (H, W) in grey levels less their middle, and
    its gradient for ``a``.
    """
    scales, total = [], 0.0
    for weight in SCALE_WEIGHTS:
        if min(a.shape) < WINDOW:
            break
        scales.append((weight, a, b))
        total += weight
        a, b = _halved(a), _halved(b)
    lost, gradient = 0.0, np.zeros_like(a)
    for weight, fine, source in reversed(scales):
        gradient = _halved_back(gradient, fine.shape)
        kept, by_pixel = _kept(fine, source)
        lost += weight / total * (1 - kept)
        gradient -= np.float32(weight / total) * by_pixel
    return lost, gradient


def _kept(a: Plane, b: Plane) -> tuple[float, Plane]:
    """The mean of what is kept of contrast and structure, and its gradient for ``a``."""
    mean_a, mean_b = _blurred(a), _blurred(b)
    variances = _blurred(a * a) - mean_a**2 + _blurred(b * b) - mean_b**2 + np.float32(C2)
    kept = (2 * (_blurred(a * b) - mean_a * mean_b) + np.float32(C2)) / variances
    by_covariance = np.float32(2 / kept.size) / variances
    by_variance = -kept / (variances * np.float32(kept.size))
    gradient = b * _blurred_back(by_covariance) + 2 * a * _blurred_back(by_variance)
    gradient -= _blurred_back(by_covariance * mean_b + 2 * by_variance * mean_a)
    return float(kept.mean(dtype=np.float64)), gradient


def _blurred(x: Plane) -> Plane:
    """With a Gaussian window, where it fits."""
    inside = slice(_AROUND, -_AROUND)
    found = cv2.sepFilter2D(x, cv2.CV_32F, _TAPS, _TAPS)
    return np.asarray(found, np.float32)[inside, inside]


def _blurred_back(gradient: Plane) -> Plane:
    """Of what was blurred: the window is symmetric, and nothing is around."""
    whole = np.pad(gradient, _AROUND)
    border = cv2.BORDER_CONSTANT
    found = cv2.sepFilter2D(whole, cv2.CV_32F, _TAPS, _TAPS, borderType=border)
    return np.asarray(found, np.float32)


def _halved(x: Plane) -> Plane:
    """Means of 2×2 samples; a last one that is alone is left out."""
    even = x[: x.shape[0] // 2 * 2, : x.shape[1] // 2 * 2]
    sums = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    return sums * np.float32(0.25)


def _halved_back(gradient: Plane, shape: tuple[int, ...]) -> Plane:
    whole = np.zeros(shape, np.float32)
    doubled = (gradient * np.float32(0.25)).repeat(2, 0).repeat(2, 1)
    whole[: doubled.shape[0], : doubled.shape[1]] = doubled
    return whole
