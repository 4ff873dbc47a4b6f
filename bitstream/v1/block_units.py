"""Square units of blocks that move as one: the quadtree of the block layer, 4 × 4 blocks, 2 × 2
blocks, single blocks.

A unit of side 4 or 2 has its corner at multiples of its side; at the right and lower edge it may be
cut by the frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

UNIT_SIDES = (4, 2)  # in the order in which the syntax asks for them


@dataclass(frozen=True)
class UnitGrid:
    """All units of one side in a grid of blocks.

    roots (n,) flat index of a unit's upper left block, in raster order; of_block (bh · bw,) number
    of every block's unit; size (n,) its blocks inside the frame; second (n,) bool: in the second
    pass of the checkerboard; rows, columns: of units.
    """

    side: int
    roots: np.ndarray
    of_block: np.ndarray
    size: np.ndarray
    second: np.ndarray
    rows: int
    columns: int

    def count(self, blocks: np.ndarray) -> np.ndarray:
        """How many blocks of every unit are set, (n,) int64, from (bh · bw,) bool."""
        return np.bincount(self.of_block[blocks], minlength=len(self.roots))

    def neighbours(self, units: np.ndarray) -> np.ndarray:
        """How many of the units above, below, left and right of every unit are set, (n,) int64,
        from (n,) bool.
        """
        padded = np.zeros((self.rows + 2, self.columns + 2), dtype=np.int64)
        padded[1:-1, 1:-1] = units.reshape(self.rows, self.columns)
        return (
            padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
        ).reshape(-1)


@lru_cache(maxsize=8)
def unit_grid(height: int, width: int, side: int) -> UnitGrid:
    """The units of ``side`` blocks in a grid of height × width blocks.

    Shared between callers: arrays are read-only.
    """
    rows, columns = -(-height // side), -(-width // side)
    y, x = np.mgrid[:height, :width] // side
    of_block = (y * columns + x).reshape(-1)
    unit_rows, unit_columns = (a.reshape(-1) for a in np.mgrid[:rows, :columns])
    arrays = (
        unit_rows * side * width + unit_columns * side,
        of_block,
        np.bincount(of_block, minlength=rows * columns),
        (unit_rows + unit_columns) % 2 == 1,
    )
    for array in arrays:
        array.flags.writeable = False
    return UnitGrid(side, *arrays, rows, columns)


def leaders(sides: np.ndarray) -> np.ndarray:
    """(bh, bw) sides 1, 2, 4 of the units that blocks belong to → (bh · bw,) flat index of the
    block each takes its motion from.
    """
    height, width = sides.shape
    flat = sides.reshape(-1)
    source = np.arange(height * width)
    for side in UNIT_SIDES:
        mine = np.flatnonzero(flat == side)
        if len(mine):
            grid = unit_grid(height, width, side)
            source[mine] = grid.roots[grid.of_block[mine]]
    return source
