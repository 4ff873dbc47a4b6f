"""The block layer for the second decoder of the tests: plain Python, one block at a time, written
from section 6 of FORMAT.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .entropy import RangeDecoder, Tables

SKIP, RESIDUAL, GENERATE, INTRA = range(4)
PAST, FUTURE, AVERAGE = range(3)
FIRST, DIAGONAL, EDGE = range(3)
INCREMENTS = {
    "mode": 1024,
    "unit": 1024,
    "direction": 1024,
    "vector_merge": 1024,
    "vector_delta": 512,
}

Grid = list[list]


@dataclass(frozen=True)
class Block:
    """A block of a stage: its place, and where its neighbours are, in the order of the text: all
    four, and those inside the frame.
    """

    row: int
    column: int
    places: tuple[tuple[int, int], ...]
    neighbours: tuple[tuple[int, int], ...]


def stages(rows: int, columns: int) -> list[tuple[int, list[Block]]]:
    """(kind, blocks in raster order) of all stages in coding order, those without blocks as
    well.
    """

    def take(
        kind: int, belongs: Callable[[int, int], bool], offsets: tuple[tuple[int, int], ...]
    ) -> tuple[int, list[Block]]:
        blocks = []
        for r in range(rows):
            for c in range(columns):
                if belongs(r, c):
                    places = tuple((r + dy, c + dx) for dy, dx in offsets)
                    blocks.append(
                        Block(
                            r,
                            c,
                            places,
                            tuple((y, x) for y, x in places if 0 <= y < rows and 0 <= x < columns),
                        )
                    )
        return kind, blocks

    def odd(number: int, s: int) -> bool:
        return number % s == 0 and number // s % 2 == 1

    out = [take(FIRST, lambda r, c: r % 8 == 0 and c % 8 == 0, ((rows, columns),) * 4)]
    for s in (4, 2, 1):
        out.append(
            take(
                DIAGONAL,
                lambda r, c, s=s: odd(r, s) and odd(c, s),
                ((-s, -s), (-s, s), (s, -s), (s, s)),
            )
        )
        out.append(
            take(
                EDGE,
                lambda r, c, s=s: r % s == c % s == 0 and odd(r, s) != odd(c, s),
                ((-s, 0), (s, 0), (0, -s), (0, s)),
            )
        )
    return out


def middle_of(values: list[int]) -> int:
    """Predictor of one component from k >= 1 available values."""
    v, k = sorted(values), len(values)
    return (v[(k - 1) // 2] + v[k // 2]) >> 1


def spread_of(vectors: list[list[int]]) -> int:
    """How far available vectors lie apart, in three classes."""
    if len(vectors) < 2:
        return 1
    extent = max(max(component) - min(component) for component in zip(*vectors, strict=True))
    return 0 if extent == 0 else 1 if extent <= 2 else 2


def scaled(vector: list[int], distance: int, over: int) -> list[int]:
    """A vector to a frame ``over`` frames away, for one ``distance`` away; both signed."""
    if over < 0:
        distance, over = -distance, -over
    return [
        max(-512, min(512, (2 * component * distance + over) // (2 * over))) for component in vector
    ]


@dataclass
class FrameBlocks:
    """The block layer of a frame; vectors[reference][row][column] = [dy, dx]; motion likewise, of
    every block that is not intra; distances to its references, past and future.
    """

    modes: Grid
    directions: Grid
    vectors: list[Grid]
    sides: Grid
    motion: list[Grid]
    distances: list[int]


def blank(rows: int, columns: int, mode: int) -> FrameBlocks:
    """Every block in ``mode``, past reference, no motion."""

    def grid(value: Callable[[], object]) -> Grid:
        return [[value() for _ in range(columns)] for _ in range(rows)]

    vectors, motion = ([grid(lambda: [0, 0]) for _ in range(2)] for _ in range(2))
    return FrameBlocks(grid(lambda: mode), grid(lambda: PAST), vectors, grid(lambda: 1), motion, [])


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
        self._modes(coder, out)
        for side in (4, 2):
            self._units(coder, out, side)
        if future is not None:
            self._directions(coder, out)
        self._vectors(coder, out)
        self.frames[number] = out
        return out

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

    @staticmethod
    def _leads(out: FrameBlocks, r: int, c: int) -> bool:
        side = out.sides[r][c]
        return r % side == 0 and c % side == 0

    def _unit_of(self, out: FrameBlocks, r: int, c: int) -> list[tuple[int, int]]:
        side = out.sides[r][c]
        return [
            (y, x)
            for y in range(r, min(self.rows, r + side))
            for x in range(c, min(self.columns, c + side))
        ]

    def _directions(self, coder: RangeDecoder, out: FrameBlocks) -> None:
        for _, blocks in self.stages:
            chosen = [
                b
                for b in blocks
                if out.modes[b.row][b.column] != INTRA and self._leads(out, b.row, b.column)
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
                for r, c in self._unit_of(out, block.row, block.column):
                    out.directions[r][c] = direction

    def _temporal(self, out: FrameBlocks, reference: int, r: int, c: int) -> list[int]:
        if not self.source.distances:
            return [0, 0]
        over = self.source.distances[self.temporal_vectors]
        return scaled(
            self.source.motion[self.temporal_vectors][r][c], out.distances[reference], over
        )

    def _vectors(self, coder: RangeDecoder, out: FrameBlocks) -> None:
        differs = [[0] * self.columns for _ in range(self.rows)]
        layers = range(len(self.references))

        def uses(reference: int, r: int, c: int) -> bool:
            return out.modes[r][c] != INTRA and out.directions[r][c] != (
                FUTURE if reference == 0 else PAST
            )

        for kind, blocks in self.stages:
            leading = [block for block in blocks if self._leads(out, block.row, block.column)]
            chosen = [
                (reference, block)
                for reference in layers
                for block in leading
                if uses(reference, block.row, block.column)
            ]
            bases, spreads, ids, lists = [], [], [], []
            for reference, block in chosen:
                r, c = block.row, block.column
                motion, temporal = out.motion[reference], self._temporal(out, reference, r, c)
                available = [motion[y][x] for y, x in block.neighbours if out.modes[y][x] != INTRA]
                mirrored = reference == 1 and out.directions[r][c] == AVERAGE
                if mirrored:
                    base = None  # the vector to the past, turned round, which this stage brings
                else:
                    base = (
                        [middle_of(list(component)) for component in zip(*available, strict=True)]
                        if available
                        else temporal
                    )
                candidates = [base]
                for place in (None, *block.places):
                    inside = place in block.neighbours
                    candidate = (
                        temporal
                        if place is None
                        else motion[place[0]][place[1]]
                        if inside
                        else [0, 0]
                    )
                    if candidate not in candidates:
                        candidates.append(list(candidate))
                bases.append(base)
                lists.append(candidates)
                spreads.append(spread_of(available))
                place = 2 if mirrored else 1 if kind == EDGE else 0
                around = sum(differs[y][x] for y, x in block.neighbours)
                ids.append(
                    90 * (out.sides[r][c] > 1) + 30 * place + 6 * around + len(candidates) - 1
                )
            merges = self.tables["vector_merge"].decode(coder, ids)
            if any(
                len(candidates) <= symbol < 6
                for candidates, symbol in zip(lists, merges, strict=True)
            ):
                raise ValueError("no such candidate")
            moved = [index for index, symbol in enumerate(merges) if symbol == 6]
            vertical = self._deltas(coder, [spreads[index] for index in moved])
            horizontal = self._deltas(
                coder,
                [
                    3 + 2 * spreads[index] + (dy == 0)
                    for index, dy in zip(moved, vertical, strict=True)
                ],
            )
            differences = {
                index: (dy, dx) for index, dy, dx in zip(moved, vertical, horizontal, strict=True)
            }
            for index, (reference, block) in enumerate(chosen):
                r, c = block.row, block.column
                base = (
                    scaled(out.vectors[0][r][c], out.distances[1], out.distances[0])
                    if bases[index] is None
                    else bases[index]
                )
                dy, dx = differences.get(index, (0, 0))
                vector = (
                    list(lists[index][merges[index]])
                    if 1 <= merges[index] <= 5
                    else [base[0] + dy, base[1] + dx]
                )
                if not all(-512 <= component <= 512 for component in vector):
                    raise ValueError("vector out of range")
                for y, x in self._unit_of(out, r, c):
                    differs[y][x] |= int(merges[index] != 0)
                    out.vectors[reference][y][x] = out.motion[reference][y][x] = list(vector)
                    if len(layers) == 2 and out.directions[r][c] != AVERAGE:
                        other = 1 - reference
                        out.motion[other][y][x] = scaled(
                            vector, out.distances[other], out.distances[reference]
                        )

    def _deltas(self, coder: RangeDecoder, ids: list[int]) -> list[int]:
        symbols = self.tables["vector_delta"].decode(coder, ids)
        beyond = iter(coder.escapes(sum(s >= 65 for s in symbols)))
        return [s - 32 if s < 65 else (-1 if s == 65 else 1) * (33 + next(beyond)) for s in symbols]
