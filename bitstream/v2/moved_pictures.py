"""Motion compensation of pictures in halves of a pixel, in exact integers.

Between pixels lies what the eight taps of H.265 make of those around (ITU-T H.265, 8.5.3.3.3); the
sums of both directions stay below 2^24, which float32 holds exactly, and are rounded once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..sequence_header import PIXELS_PER_LATENT
from .loop_networks import MIDDLE

CELL = PIXELS_PER_LATENT  # px a side: the smallest block
FRACTION_BITS = 1  # of motion vectors
_FRACTION = (1 << FRACTION_BITS) - 1
_TAPS = ((3, 4, 40), (2, 5, -11), (1, 6, 4), (0, 7, -1))  # two samples and their weight, half way
_TAP_BITS = 6  # the weights' sum is 2^6
_BEFORE, _AFTER = 3, 4  # taps beside a sample
_MARGIN = 16  # px around the picture: a cell and what its taps see, all of it the edge
_ROWS_AT_ONCE = 64  # which stay in a core's cache

Picture = npt.NDArray[np.int16]  # (3, H, W), 0..2·MIDDLE
_Sums = npt.NDArray[np.float32]


class InterpolatedPicture:
    """A picture (3, H, W) and what lies between its pixels, to take squares from.

    vectors (…, 2): those that will be asked for, whose fractions say what is made.
    """

    def __init__(self, picture: Picture, vectors: npt.NDArray[np.int64]) -> None:
        fractions = vectors.reshape(-1, 2) & _FRACTION
        phases = set(np.unique(2 * fractions[:, 0] + fractions[:, 1]).tolist())
        pad = (_MARGIN + _BEFORE, _MARGIN + _AFTER)
        around = np.pad(picture, ((0, 0), pad, pad), mode="edge")
        _, height, width = picture.shape
        size = height + 2 * _MARGIN, width + 2 * _MARGIN
        self._phases = np.zeros((4, 3, *size), dtype=np.int16)  # 2 · (half down) + half across
        self._phases[0] = around[:, _BEFORE:-_AFTER, _BEFORE:-_AFTER]
        for first in range(0, size[0], _ROWS_AT_ONCE):
            some = slice(first, first + _ROWS_AT_ONCE)
            seen = around[:, first : first + _ROWS_AT_ONCE + _BEFORE + _AFTER].astype(np.float32)
            if phases & {1, 3}:
                across = _half(seen, axis=2)
                self._phases[1, :, some] = _rounded(across[:, _BEFORE:-_AFTER], _TAP_BITS)
            if 2 in phases:
                down = _half(seen[:, :, _BEFORE:-_AFTER], axis=1)
                self._phases[2, :, some] = _rounded(down, _TAP_BITS)
            if 3 in phases:
                self._phases[3, :, some] = _rounded(_half(across, axis=1), 2 * _TAP_BITS)

    def squares(
        self,
        rows: npt.NDArray[np.int64],
        columns: npt.NDArray[np.int64],
        vectors: npt.NDArray[np.int64],
    ) -> Picture:
        """Squares of a cell's size from where their vectors point, (n, 3, 8, 8).

        rows, columns (n,): px of their upper left pixels.  vectors (n, 2): (dy, dx) in halves of a
        pixel.  Outside the picture its edge goes on.
        """
        whole, fractions = vectors >> FRACTION_BITS, vectors & _FRACTION
        _, _, height, width = self._phases.shape
        top = np.minimum(np.maximum(rows + whole[:, 0] + _MARGIN, 0), height - CELL)
        left = np.minimum(np.maximum(columns + whole[:, 1] + _MARGIN, 0), width - CELL)
        windows = np.lib.stride_tricks.sliding_window_view(self._phases, (CELL, CELL), axis=(2, 3))
        squares: Picture = windows[2 * fractions[:, 0] + fractions[:, 1], :, top, left]
        return squares


def _half(samples: _Sums, axis: int) -> _Sums:
    """Weighted sums half way between every sample that has three before it and the next one."""
    count = samples.shape[axis] - _BEFORE - _AFTER
    sums = np.zeros(
        tuple(count if at == axis else size for at, size in enumerate(samples.shape)), np.float32
    )
    for one, other, weight in _TAPS:
        pair = _from(samples, axis, one, count) + _from(samples, axis, other, count)
        pair *= weight
        sums += pair
    return sums


def _from(samples: _Sums, axis: int, first: int, count: int) -> _Sums:
    return samples[(slice(None),) * axis + (slice(first, first + count),)]


def _rounded(sums: _Sums, bits: int) -> _Sums:
    """Samples of weighted sums."""
    samples = (sums + np.float32(1 << (bits - 1))) * np.float32(2.0**-bits)
    np.floor(samples, out=samples)
    return np.clip(samples, 0, 2 * MIDDLE, out=samples)
