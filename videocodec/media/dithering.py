"""From 16 bits per sample to 8, without bands."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_ORDER = 3  # the matrix has 2^3 × 2^3 thresholds


def _bayer(order: int) -> npt.NDArray[np.uint32]:
    """Bayer's matrix: the numbers from 0 to 4^order − 1, neighbours far apart."""
    matrix = np.zeros((1, 1), dtype=np.uint32)
    for _ in range(order):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    return matrix


# in 65535ths of a step of 8 bits
_THRESHOLDS = ((2 * _bayer(_ORDER) + 1) * 65535 // (2 << (2 * _ORDER))).astype(np.uint32)


def dithered(samples: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """8 bits per sample of 16, full range, height × width × channels, by ordered dithering.

    What 8 bits hold exactly stays as it is, and the mean over 8 × 8 px is kept to 1/64 of a step.
    """
    height, width = samples.shape[:2]
    side = 1 << _ORDER
    tiled = np.tile(_THRESHOLDS, (-(-height // side), -(-width // side)))[:height, :width, None]
    return ((samples.astype(np.uint32) * 255 + tiled) // 65535).astype(np.uint8)
