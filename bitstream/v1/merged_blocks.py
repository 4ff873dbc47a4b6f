"""Merged blocks: squares of blocks that move as one.

They form the quadtree of the block layer: 4 × 4 blocks, 2 × 2 blocks, single blocks.  A square of
side 4 or 2 has its corner at multiples of its side; the right and lower edge of the frame may cut
it.  Its upper left block is its *leader*.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

MERGE_SIDES = (4, 2)  # in the order in which the syntax asks for them


@dataclass(frozen=True)
class MergeGrid:
    """All squares of one side in a grid of blocks, merged or not.

    side: of a square, in blocks; leaders (n,): flat index of a square's upper left block, in raster
    order; square_of (bh · bw,): number of every block's square; size (n,): blocks of a square that
    are inside the frame; second_pass (n,) bool: coded in the second pass of the checkerboard; rows,
    columns: of squares.
    """

    side: int
    leaders: np.ndarray
    square_of: np.ndarray
    size: np.ndarray
    second_pass: np.ndarray
    rows: int
    columns: int

    def count(self, blocks: np.ndarray) -> np.ndarray:
        """How many blocks of every square are set, (n,) int64, from (bh · bw,) bool."""
        return np.bincount(self.square_of[blocks], minlength=len(self.leaders))

    def neighbours(self, squares: np.ndarray) -> np.ndarray:
        """How many of the squares above, below, left and right of every square are set, (n,) int64,
        from (n,) bool.
        """
        return count_around(squares.reshape(self.rows, self.columns)).reshape(-1)


def count_around(plane: np.ndarray) -> np.ndarray:
    """How many of the entries above, below, left and right of every entry are set, (h, w) int64,
    from (h, w) bool; nothing is set beyond the edges.
    """
    padded = np.zeros((plane.shape[0] + 2, plane.shape[1] + 2), dtype=np.int64)
    padded[1:-1, 1:-1] = plane
    return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]


@lru_cache(maxsize=8)
def merge_grid(height: int, width: int, side: int) -> MergeGrid:
    """The squares of ``side`` blocks in a grid of height × width blocks.

    Shared between callers: arrays are read-only.
    """
    rows, columns = -(-height // side), -(-width // side)
    y, x = np.mgrid[:height, :width] // side
    square_of = (y * columns + x).reshape(-1)
    square_rows, square_columns = (a.reshape(-1) for a in np.mgrid[:rows, :columns])
    arrays = (
        square_rows * side * width + square_columns * side,
        square_of,
        np.bincount(square_of, minlength=rows * columns),
        (square_rows + square_columns) % 2 == 1,
    )
    for array in arrays:
        array.flags.writeable = False
    return MergeGrid(side, *arrays, rows, columns)


def leaders(sides: np.ndarray) -> np.ndarray:
    """(bh, bw) sides 1, 2, 4, … of the squares that blocks belong to → (bh · bw,) flat index of the
    block that each takes its motion from.
    """
    height, width = sides.shape
    flat = sides.reshape(-1)
    leader_of = np.arange(height * width)
    largest = int(flat.max())
    for side in (2**depth for depth in range(1, largest.bit_length())):
        members = np.flatnonzero(flat == side)
        if len(members):
            grid = merge_grid(height, width, side)
            leader_of[members] = grid.leaders[grid.square_of[members]]
    return leader_of
