"""What the block layer of a frame says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

SKIP, RESIDUAL, GENERATE, INTRA = range(4)
PAST, FUTURE, AVERAGE = range(3)

Grid = list[list]


@dataclass
class FrameBlocks:
    """The block layer of a frame; vectors[reference][row][column] = [dy, dx]; motion likewise, of
    every block that is not intra; distances to its references, past and future; derived: the places
    of blocks with derived motion, of version 2 alone.
    """

    modes: Grid
    directions: Grid
    vectors: list[Grid]
    sides: Grid
    motion: list[Grid]
    distances: list[int]
    derived: set[tuple[int, int]] = field(default_factory=set)

    def uses(self, reference: int, row: int, column: int) -> bool:
        """Whether a block is predicted from a reference, 0 past or 1 future."""
        other = FUTURE if reference == 0 else PAST
        return self.modes[row][column] != INTRA and self.directions[row][column] != other

    def leads(self, row: int, column: int) -> bool:
        """Whether a block is the upper left one of those that move with it, itself included,
        and has its motion decoded.
        """
        if (row, column) in self.derived:
            return False
        side = self.sides[row][column]
        return row % side == 0 and column % side == 0

    def led_by(self, row: int, column: int) -> list[tuple[int, int]]:
        """The places of the blocks that move with one that leads."""
        side = self.sides[row][column]
        return [
            (y, x)
            for y in range(row, min(len(self.sides), row + side))
            for x in range(column, min(len(self.sides[0]), column + side))
        ]


def blank(rows: int, columns: int, mode: int) -> FrameBlocks:
    """Every block in ``mode``, past reference, no motion."""

    def grid(value: Callable[[], object]) -> Grid:
        return [[value() for _ in range(columns)] for _ in range(rows)]

    vectors, motion = ([grid(lambda: [0, 0]) for _ in range(2)] for _ in range(2))
    return FrameBlocks(grid(lambda: mode), grid(lambda: PAST), vectors, grid(lambda: 1), motion, [])
