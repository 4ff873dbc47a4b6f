"""Squares of a picture as a search sees them, from where vectors in halves of a pixel point.

What lies between pixels is made once for a picture, by the cubic of OpenCV's remap, whose weights
half way are eighths of small integers, so that float32 holds all sums exactly: squares are then
mere copies.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bitstream.v2.moved_pictures import FRACTION_BITS

from . import compiled

Samples = npt.NDArray[Any]  # int16 or uint8
_HALF = np.array([-0.09375, 0.59375, 0.59375, -0.09375], dtype=np.float32)  # of four samples
_WHOLE = np.ones(1, dtype=np.float32)
_LEAST_WIDTH = 16  # of planes, that kernels take
REACH = 4  # px: beyond the border by so many all that the cubic sees is the edge
_FRACTION = (1 << FRACTION_BITS) - 1


class PictureSquares:
    """A picture (P, H, W) int16 or uint8, and what lies half way between its pixels; its edge goes
    on for ever.

    side: of squares, px.
    samples: all of them in one row, by phase, 2 · (half down) + half across.
    """

    def __init__(self, picture: Samples, side: int) -> None:
        self._margin, pad = side + REACH, (side + 2 * REACH,) * 2
        made = _phases(np.pad(picture, ((0, 0), pad, pad), mode="edge"))
        self._made, self.samples = made, made.reshape(-1)
        self._last = made.shape[2] - side, made.shape[3] - side
        self._windows = np.lib.stride_tricks.sliding_window_view(made, (side, side), axis=(2, 3))

    @property
    def geometry(self) -> tuple[int, int, int, int, int, int]:
        """Of ``samples``: from phase to phase, from plane to plane and from row to row; px around
        the picture; the last row and column that a square can begin at.
        """
        by_phase, by_plane, by_row, _ = (one // self._made.itemsize for one in self._made.strides)
        return by_phase, by_plane, by_row, self._margin, *self._last

    def at(
        self,
        rows: npt.NDArray[np.int64],
        columns: npt.NDArray[np.int64],
        vectors: npt.NDArray[np.int64],
    ) -> Samples:
        """Squares from where vectors point, (n, P, side, side).

        rows, columns (n,): px of their upper left pixels.  vectors (n, 2): (dy, dx) in halves of a
        pixel.
        """
        whole, fractions = vectors >> FRACTION_BITS, vectors & _FRACTION
        top = np.clip(rows + whole[:, 0] + self._margin, 0, self._last[0])
        left = np.clip(columns + whole[:, 1] + self._margin, 0, self._last[1])
        squares: Samples = self._windows[2 * fractions[:, 0] + fractions[:, 1], :, top, left]
        return squares


def _phases(around: Samples) -> Samples:
    """Planes with so much around them that ``REACH`` can be dropped → by 2 · (half down) + half
    across.
    """
    kernels = compiled.kernels()
    planes, *size = around.shape
    height, width = (side - 2 * REACH for side in size)
    if kernels is not None and around.dtype == np.int16 and width >= _LEAST_WIDTH:
        found = np.empty((4, planes, height, width), dtype=np.int16)
        kernels.pictures.halves(around, REACH, found)
        return found
    inner, exact = slice(REACH, -REACH), around.astype(np.float32)
    phases = [
        [_between(plane, down, across)[inner, inner] for plane in exact]
        for down in (False, True)
        for across in (False, True)
    ]
    range_ = np.iinfo(around.dtype)  # which the cubic goes beyond at edges in the picture
    made: Samples = np.clip(phases, range_.min, range_.max).astype(around.dtype)
    return made


def _between(plane: npt.NDArray[np.float32], down: bool, across: bool) -> npt.NDArray[np.float32]:
    """What lies half a pixel down and across of every sample, rounded."""
    if not down and not across:
        return plane
    row, column = (_HALF if one else _WHOLE for one in (across, down))
    anchor = int(across), int(down)
    seen = cv2.sepFilter2D(plane, cv2.CV_32F, row, column, anchor=anchor)
    return np.rint(np.asarray(seen, np.float32))
