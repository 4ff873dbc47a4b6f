"""In which order the positions of a slice are coded.

The first slices are coded on a lattice that grows finer, 8, 4, 2, 1: on every grid first the
positions that are odd in both coordinates, between four known diagonal neighbours, then the other
new ones, between four direct neighbours.  So nearly all are interpolated.  The later slices, which
are many channels with little to expect from neighbours, take two checkerboard passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

LATTICE_SLICES = 4  # so many slices are coded in lattice order
FLAGS = 3  # planes that tell a network which pass it is


class NewPositions(Enum):
    """Which positions of a grid a pass codes."""

    ALL = 0
    BOTH_ODD = 1
    ODD_SUM = 2
    EVEN_SUM = 3


@dataclass(frozen=True)
class ScanPass:
    """One pass over a grid.

    stride: the grid is every so manieth position of the slice in both directions, from the first.
    new: the positions of the grid that the pass codes.
    flags: what tells the slice's network which pass it is.
    """

    stride: int
    new: NewPositions
    flags: tuple[int, int, int]

    def mask(self, height: int, width: int) -> npt.NDArray[np.bool_]:
        """Whether the pass codes a position of the grid, (⌈height/stride⌉, ⌈width/stride⌉), for a
        slice of height × width positions.
        """
        rows = np.arange(-(-height // self.stride))[:, None] % 2
        columns = np.arange(-(-width // self.stride))[None] % 2
        mask: npt.NDArray[np.bool_]
        if self.new is NewPositions.ALL:
            mask = (rows + columns) >= 0
        elif self.new is NewPositions.BOTH_ODD:
            mask = (rows & columns) == 1
        else:
            mask = (rows ^ columns) == (1 if self.new is NewPositions.ODD_SUM else 0)
        return mask


def _lattice() -> tuple[ScanPass, ...]:
    passes = [ScanPass(8, NewPositions.ALL, (0, 0, 3))]
    for depth in (2, 1, 0):
        passes.append(ScanPass(1 << depth, NewPositions.BOTH_ODD, (1, 0, depth)))
        passes.append(ScanPass(1 << depth, NewPositions.ODD_SUM, (0, 1, depth)))
    return tuple(passes)


LATTICE = _lattice()
CHECKERBOARD = (
    ScanPass(1, NewPositions.EVEN_SUM, (1, 0, 0)),
    ScanPass(1, NewPositions.ODD_SUM, (0, 1, 0)),
)


def passes_of(index: int) -> tuple[ScanPass, ...]:
    """The passes of slice ``index``, in order."""
    return LATTICE if index < LATTICE_SLICES else CHECKERBOARD
