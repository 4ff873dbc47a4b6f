"""Motion compensation of pictures in halves of a pixel, in exact integers.

Between pixels lies what the eight taps of H.265 make of those around (ITU-T H.265, 8.5.3.3.3); the
sums of both directions stay below 2^24, which float32 holds exactly, and are rounded once.
"""

from __future__ import annotations

from functools import cached_property
from math import ldexp

import numpy as np
import numpy.typing as npt

from ..sequence_header import PIXELS_PER_LATENT
from .loop_arithmetic import MIDDLE

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
        self.picture, self._vectors = picture, vectors

    @cached_property
    def _phases(self) -> Picture:
        """2 · (half down) + half across, with a margin, (4, 3, …)."""
        picture, fractions = self.picture, self._vectors.reshape(-1, 2) & _FRACTION
        wanted = set(np.unique(2 * fractions[:, 0] + fractions[:, 1]).tolist())
        pad = (_MARGIN + _BEFORE, _MARGIN + _AFTER)
        around = np.pad(picture, ((0, 0), pad, pad), mode="edge")
        _, height, width = picture.shape
        size = height + 2 * _MARGIN, width + 2 * _MARGIN
        phases = np.zeros((4, 3, *size), dtype=np.int16)
        phases[0] = around[:, _BEFORE:-_AFTER, _BEFORE:-_AFTER]
        for plane, samples in enumerate(around):
            for first in range(0, size[0], _ROWS_AT_ONCE):
                some = slice(first, first + _ROWS_AT_ONCE)
                seen = samples[first : some.stop + _BEFORE + _AFTER].astype(np.float32)
                if wanted & {1, 3}:
                    across = _half(seen, axis=1)
                if 1 in wanted:
                    _round(across[_BEFORE:-_AFTER], _TAP_BITS, phases[1, plane, some])
                if 2 in wanted:
                    down = _half(seen[:, _BEFORE:-_AFTER], axis=0)
                    _round(down, _TAP_BITS, phases[2, plane, some])
                if 3 in wanted:
                    both = _half(across, axis=0)
                    _round(both, 2 * _TAP_BITS, phases[3, plane, some])
        return phases

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
    sums = _pair(samples, axis, count, *_TAPS[0])
    for tap in _TAPS[1:]:
        sums += _pair(samples, axis, count, *tap)
    return sums


def _pair(samples: _Sums, axis: int, count: int, one: int, other: int, weight: int) -> _Sums:
    """Two samples under the taps, together times their weight."""
    before = (slice(None),) * axis
    pair: _Sums = (
        samples[(*before, slice(one, one + count))]
        + samples[(*before, slice(other, other + count))]
    )
    pair *= weight
    return pair


def _round(sums: _Sums, bits: int, samples: npt.NDArray[np.int16]) -> None:
    """Samples of weighted sums, half up."""
    # ldexp, not a power, which may be off by a bit under another rounding of the processor.
    scaled = sums * np.float32(ldexp(1, -bits))
    scaled += np.float32(0.5)
    np.maximum(scaled, 0, out=scaled)
    np.minimum(scaled, 2 * MIDDLE, out=scaled)
    samples[:] = scaled  # what is not negative is cut off downwards
