"""Overlapped block motion compensation: the motion of blocks reaches beyond their edges, and
samples near edges are weighted sums.

A block larger than a *cell*, 8 px a side, is several cells that move alike.  Around every corner of
the grid of cells lies a window of one cell's size that the four cells which meet there, and no
others, make; the windows together are the picture, and most have fewer than four motions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..v1.block_fields import BlockFields, Direction
from . import compiled
from .moved_pictures import CELL, InterpolatedPicture, Picture

EVERY_DIRECTION = ((0, Direction.FUTURE), (1, Direction.PAST))  # reference, who does not use it
_WEIGHT_BITS = 8
_MEETING = 4  # cells at a corner: upper left, upper right, lower left, lower right
_ALL = (1 << _MEETING) - 1
_COMPONENT_BITS = 12  # of a vector, and its sign
_WINDOWS_AT_ONCE = 1024  # which stay in a core's cache


def _subset_weights() -> npt.NDArray[np.int32]:
    """What weight each subset of the cells that meet has at the window's pixels, (16, 8, 8)."""
    rising = np.arange(1, 2 * CELL, 2)
    along = rising[::-1], rising
    corners = np.stack([np.outer(down, across) for down in along for across in along])
    members = np.arange(1 << _MEETING)[:, None] >> np.arange(_MEETING) & 1
    weights: npt.NDArray[np.int32] = np.einsum("sm,mij->sij", members, corners).astype(np.int32)
    return weights


SUBSET_WEIGHTS = _subset_weights()


class OverlappedBlocks:
    """Puts the moved picture of one frame together.

    pictures: of the references that are used, by their number.
    """

    def __init__(
        self, fields: BlockFields, pictures: Mapping[int, InterpolatedPicture], block: int
    ) -> None:
        rows, columns = (size * block for size in fields.modes.shape)
        self._corners, self._pictures = (rows + 1, columns + 1), pictures
        self._directions = fields.directions.reshape(-1)
        self._vectors = fields.vectors.reshape(len(fields.vectors), -1, 2)
        self._keys = self._directions  # equal where motion is
        for component in np.concatenate(tuple(self._vectors), axis=1).T:
            self._keys = (self._keys << _COMPONENT_BITS) + component
        # Beyond the picture's border its outermost cells go on.
        down, across = (
            np.pad(np.arange(size), 1, mode="edge") // block for size in (rows, columns)
        )
        cells = down[:, None] * fields.modes.shape[1] + across
        meeting = cells[:-1, :-1], cells[:-1, 1:], cells[1:, :-1], cells[1:, 1:]
        self._meeting = np.stack(meeting)  # blocks, (4, rows + 1, columns + 1)

    def picture(self) -> Picture:
        """The moved picture, (3, H, W)."""
        rows, columns = self._corners
        half, kernels = CELL // 2, compiled.kernels()
        if kernels is not None:
            return self._compiled(kernels)
        made = np.empty((3, rows * CELL, columns * CELL), dtype=np.int16)
        at_once = max(_WINDOWS_AT_ONCE // columns, 1)
        for first in range(0, rows, at_once):
            last = min(first + at_once, rows)
            made[:, first * CELL : last * CELL] = self._strip(first, last)
        return made[:, half:-half, half:-half]

    def _compiled(self, kernels: Any) -> Picture:
        pictures = [self._pictures.get(index) for index, _ in EVERY_DIRECTION]
        shape = next(one for one in pictures if one is not None).picture.shape
        past, future = (
            np.empty(0, np.int16) if one is None else np.require(one.picture, requirements=["C"])
            for one in pictures
        )
        vectors = np.concatenate(tuple(self._vectors), axis=1).T
        unused = np.zeros((4 - len(vectors), len(self._keys)), dtype=np.int64)
        motions = self._directions[None], vectors, unused, self._keys[None]
        motion = np.ascontiguousarray(np.concatenate(motions))
        meeting = np.ascontiguousarray(self._meeting.transpose(1, 2, 0))
        made: Picture = np.empty(shape, dtype=np.int16)
        kernels.put_together((past, future), motion, meeting, SUBSET_WEIGHTS, made)
        return made

    def _strip(self, first: int, last: int) -> Picture:
        """The windows of some rows of corners side by side."""
        meeting = self._meeting[:, first:last].reshape(_MEETING, -1)
        members, windows, subsets = _leaders(self._keys[meeting])
        columns = self._corners[1]
        moved = self._moved(
            meeting[members, windows],
            (windows // columns + first) * CELL - CELL // 2,
            windows % columns * CELL - CELL // 2,
        )
        made = _weighted(moved, members, windows, subsets)
        side_by_side = made.reshape(last - first, columns, 3, CELL, CELL).transpose(2, 0, 3, 1, 4)
        return side_by_side.reshape(3, (last - first) * CELL, columns * CELL)

    def _moved(
        self,
        blocks: npt.NDArray[np.int64],
        rows: npt.NDArray[np.int64],
        columns: npt.NDArray[np.int64],
    ) -> Picture:
        """What the motion of blocks (n,) makes of windows elsewhere, (n, 3, 8, 8)."""
        directions = self._directions[blocks]
        moved = np.empty((len(blocks), 3, CELL, CELL), dtype=np.int16)
        for index, picture in self._pictures.items():
            at = np.flatnonzero(directions != EVERY_DIRECTION[index][1])
            vectors = self._vectors[index][blocks[at]]
            squares = picture.squares(rows[at], columns[at], vectors)
            if index:
                both = directions[at] == Direction.AVERAGE
                squares[both] = (moved[at[both]] + squares[both] + 1) >> 1
            moved[at] = squares
        return moved


def _leaders(
    keys: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Of the cells that meet at each window, whose motion is keys (4, windows): the first of those
    that move alike.  Which one, its window, and which cells move as it does, as bits, (n,) each;
    upper left cells come first, in order of windows.
    """
    alike = keys[:, None] == keys
    subsets = np.tensordot(1 << np.arange(_MEETING), alike, axes=(0, 0))
    leads = np.stack([~alike[:member, member].any(0) for member in range(_MEETING)])
    members, windows = np.nonzero(leads)
    return members, windows, subsets[members, windows]


def _weighted(
    moved: Picture,
    members: npt.NDArray[np.int64],
    windows: npt.NDArray[np.int64],
    subsets: npt.NDArray[np.int64],
) -> Picture:
    """What the leaders' motion makes, (n, 3, 8, 8) → the windows, (windows, 3, 8, 8)."""
    made = moved[: windows.max() + 1]  # those of upper left cells
    mixed = np.flatnonzero(subsets[: len(made)] != _ALL)
    place = np.zeros(len(made), dtype=np.int64)
    place[mixed] = np.arange(len(mixed))
    sums = np.full((len(mixed), *made.shape[1:]), 1 << (_WEIGHT_BITS - 1), dtype=np.int32)
    for member in range(_MEETING):
        at = np.flatnonzero((members == member) & (subsets != _ALL))
        sums[place[windows[at]]] += moved[at] * SUBSET_WEIGHTS[subsets[at], None]
    made[mixed] = sums >> _WEIGHT_BITS
    return made
