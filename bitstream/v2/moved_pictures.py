"""Motion compensation of pictures in halves of a pixel, in exact integers.

Between pixels lies what the eight taps of H.265 make of those around (ITU-T H.265, 8.5.3.3.3); the
sums of both directions stay below 2^24, which float32 holds exactly, and are rounded once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .loop_networks import MIDDLE

FRACTION_BITS = 1  # of motion vectors
TAPS = np.array([[0, 0, 0, 64, 0, 0, 0, 0], [-1, 4, -11, 40, 40, -11, 4, -1]], dtype=np.float32)
_BEFORE, _AROUND = 3, 7  # taps before a pixel, and beside it in all
_ROUNDING = 1 << 11
_BLOCKS_AT_ONCE = 128  # whose patches stay in a core's cache

Picture = npt.NDArray[np.int16]  # (3, H, W), 0..2·MIDDLE


def moved_blocks(
    picture: Picture,
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    vectors: npt.NDArray[np.int64],
    side: int,
) -> Picture:
    """Blocks of ``side`` px from where their vectors point in a picture, (n, 3, side, side).

    rows, columns (n,): px of their upper left pixels.  vectors (n, 2): (dy, dx) in halves of a
    pixel.  Outside the picture its edge goes on.
    """
    whole, part = vectors >> FRACTION_BITS, vectors & ((1 << FRACTION_BITS) - 1)
    blocks = np.empty((len(rows), 3, side, side), dtype=np.int16)
    top, left = rows + whole[:, 0], columns + whole[:, 1]
    between = part.any(1)
    copied, filtered = np.flatnonzero(~between), np.flatnonzero(between)
    if len(copied):
        blocks[copied] = _patches(picture, top[copied], left[copied], side)
    for first in range(0, len(filtered), _BLOCKS_AT_ONCE):
        some = filtered[first : first + _BLOCKS_AT_ONCE]
        patches = _patches(picture, top[some] - _BEFORE, left[some] - _BEFORE, side + _AROUND)
        blocks[some] = _between(patches, part[some], side)
    return blocks


def _patches(
    picture: Picture, top: npt.NDArray[np.int64], left: npt.NDArray[np.int64], side: int
) -> Picture:
    """Squares of a picture, (n, 3, side, side)."""
    _, height, width = picture.shape
    along = np.arange(side)
    rows = np.minimum(np.maximum(top[:, None] + along, 0), height - 1)
    columns = np.minimum(np.maximum(left[:, None] + along, 0), width - 1)
    patches: Picture = picture[:, rows[:, :, None], columns[:, None, :]].transpose(1, 0, 2, 3)
    return patches


def _between(patches: Picture, part: npt.NDArray[np.int64], side: int) -> Picture:
    """Patches with ``_AROUND`` more px a side → what lies between their pixels."""
    seen = patches.astype(np.float32)
    across, down = TAPS[part[:, 1]], TAPS[part[:, 0]]
    horizontal = np.zeros((*seen.shape[:3], side), dtype=np.float32)
    for tap in range(_AROUND + 1):
        horizontal += seen[..., tap : tap + side] * across[:, tap, None, None, None]
    total = np.zeros((*seen.shape[:2], side, side), dtype=np.float32)
    for tap in range(_AROUND + 1):
        total += horizontal[:, :, tap : tap + side] * down[:, tap, None, None, None]
    rounded = np.floor((total + _ROUNDING) * np.float32(1 / (2 * _ROUNDING)))
    return np.clip(rounded, 0, 2 * MIDDLE).astype(np.int16)
