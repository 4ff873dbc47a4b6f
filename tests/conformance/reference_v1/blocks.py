"""The block layer for the second decoder of the tests: plain Python, one block at a time, written
from section 6 of FORMAT.md.
"""

from __future__ import annotations

from collections.abc import Callable

from .block_fields import (
    AVERAGE,
    FUTURE,
    INTRA,
    PAST,
    RESIDUAL,
    SKIP,
    FrameBlocks,
    blank,
)
from .entropy import RangeDecoder, Tables
from .stages import FIRST, stages
from .vectors import TemporalMotion, VectorLayer

INCREMENTS = {
    "mode": 1024,
    "unit": 1024,
    "direction": 1024,
    "vector_merge": 1024,
    "vector_delta": 512,
}


class BlockLayer:
    """Decodes the block layers of the frames after a keyframe; ``priors`` are those of the model by
    table name.
    """

    def __init__(self, priors: dict, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.stages = stages(rows, columns)
        self.tables = {
            name: Tables(rows_of_priors, INCREMENTS[name])
            for name, rows_of_priors in priors.items()
        }
        self.frames = [blank(rows, columns, SKIP)]  # by number inside the unit

    def start_unit(self, frame_count: int) -> None:
        """Numbers begin anew, and the frame displayed last is the anchor."""
        self.frames = [self.frames[-1]] + [None] * frame_count

    def decode(
        self, coder: RangeDecoder, number: int, past: int, future: int | None
    ) -> FrameBlocks:
        """The block layer of the next inter frame."""
        for tables in self.tables.values():
            tables.begin_frame()
        out = blank(self.rows, self.columns, SKIP)
        out.distances = [past - number] if future is None else [past - number, future - number]
        self.references = (
            [self.frames[past]] if future is None else [self.frames[past], self.frames[future]]
        )
        self.source, self.temporal_vectors = self.frames[past], 0
        if future is not None:
            # The later coded of the two has the other for a reference.
            if self.frames[future].distances[0] == past - future:
                self.source = self.frames[future]
            else:
                self.temporal_vectors = 1
        temporal = TemporalMotion(self.source, self.temporal_vectors)
        self._layers(coder, out, temporal, future is not None)
        self.frames[number] = out
        return out

    def _layers(
        self, coder: RangeDecoder, out: FrameBlocks, temporal: TemporalMotion, two: bool
    ) -> None:
        """All elements in their order; ``two``: whether there is a future reference."""
        self._modes(coder, out)
        for side in (4, 2):
            self._units(coder, out, side)
        if two:
            self._directions(coder, out)
        VectorLayer(self.tables, self.stages, temporal, out).decode(coder)

    def _count(self, condition: Callable[[FrameBlocks], bool]) -> int:
        """For how many references it holds; a single one counts twice."""
        return sum(map(condition, self.references)) * (3 - len(self.references))

    def _modes(self, coder: RangeDecoder, out: FrameBlocks) -> None:
        coded = (RESIDUAL, INTRA)
        two = len(self.references) == 2
        frame_class = 0 if not two else 2 if out.distances == [-1, 1] else 1
        for kind, blocks in self.stages:
            ids = []
            for block in blocks:
                r, c = block.row, block.column
                i = 0
                if kind == FIRST:
                    around = [(r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)]
                    past = self.references[0].modes
                    n = sum(
                        past[y][x] in coded
                        for y, x in around
                        if 0 <= y < self.rows and 0 <= x < self.columns
                    )
                else:
                    n = sum(out.modes[y][x] in coded for y, x in block.neighbours)
                    i = int(any(out.modes[y][x] == INTRA for y, x in block.neighbours))
                w = self._count(lambda reference, r=r, c=c: reference.modes[r][c] in coded)
                ids.append(90 * frame_class + 30 * kind + 10 * w + 5 * i + n)
            for block, mode in zip(blocks, self.tables["mode"].decode(coder, ids), strict=True):
                out.modes[block.row][block.column] = mode

    def _units(self, coder: RangeDecoder, out: FrameBlocks, side: int) -> None:
        high, wide = -(-self.rows // side), -(-self.columns // side)

        def members(unit_row: int, unit_column: int) -> list[tuple[int, int]]:
            rows = range(unit_row * side, min(self.rows, (unit_row + 1) * side))
            return [
                (r, c)
                for r in rows
                for c in range(unit_column * side, min(self.columns, (unit_column + 1) * side))
            ]

        def joined(unit_row: int, unit_column: int) -> bool:
            return (
                0 <= unit_row < high
                and 0 <= unit_column < wide
                and out.sides[unit_row * side][unit_column * side] >= side
            )

        for second in (0, 1):
            asked, ids = [], []
            for y in range(high):
                for x in range(wide):
                    modes = [out.modes[r][c] for r, c in members(y, x)]
                    if (y + x) % 2 != second or len(modes) == 1 or INTRA in modes or joined(y, x):
                        continue
                    coded = modes.count(RESIDUAL)
                    load = 0 if coded == 0 else 1 if 2 * coded <= len(modes) else 2
                    n = sum(joined(y + dy, x + dx) for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)))
                    w = self._count(
                        lambda reference, y=y, x=x: reference.sides[y * side][x * side] >= side
                    )
                    asked.append((y, x))
                    two = len(self.references) == 2
                    ids.append(
                        108 * (side == 2) + 54 * two + 27 * second + 9 * load + 3 * w + (n + 1) // 2
                    )
            for (y, x), whole in zip(asked, self.tables["unit"].decode(coder, ids), strict=True):
                if whole:
                    for r, c in members(y, x):
                        out.sides[r][c] = side

    def _directions(self, coder: RangeDecoder, out: FrameBlocks) -> None:
        for _, blocks in self.stages:
            chosen = [
                b
                for b in blocks
                if out.modes[b.row][b.column] != INTRA and out.leads(b.row, b.column)
            ]
            ids = []
            for block in chosen:
                votes = [
                    out.directions[y][x] for y, x in block.neighbours if out.modes[y][x] != INTRA
                ]
                counts = [votes.count(direction) for direction in (PAST, FUTURE, AVERAGE)]
                favourite = counts.index(max(counts))
                size = {1: 0, 2: 1, 4: 2}[out.sides[block.row][block.column]]
                r, c = block.row, block.column
                there = 3 if self.source.modes[r][c] == INTRA else self.source.directions[r][c]
                ids.append(
                    21 * there
                    + 7 * size
                    + (1 + 2 * favourite + (counts[favourite] == len(votes)) if votes else 0)
                )
            for block, direction in zip(
                chosen, self.tables["direction"].decode(coder, ids), strict=True
            ):
                for r, c in out.led_by(block.row, block.column):
                    out.directions[r][c] = direction
