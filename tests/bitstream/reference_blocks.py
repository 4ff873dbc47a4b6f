"""The block layer for the second decoder of the tests: plain Python, one block at a time, written from section 6 of FORMAT.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .reference_entropy import RangeDecoder, Tables

SKIP, RESIDUAL, GENERATE, INTRA = range(4)
PAST, FUTURE, AVERAGE = range(3)
FIRST, DIAGONAL, EDGE = range(3)
INCREMENTS = {"mode": 1024, "unit": 1024, "direction": 1024, "vector_merge": 1024, "vector_delta": 512}

Grid = list[list]


@dataclass(frozen=True)
class Block:
    """A block of a stage: its place, and where its neighbours are, in the order of the text: all four, and those inside the frame."""

    row: int
    column: int
    places: tuple[tuple[int, int], ...]
    neighbours: tuple[tuple[int, int], ...]


def stages(rows: int, columns: int) -> list[tuple[int, list[Block]]]:
    """(kind, blocks in raster order) of all stages in coding order, those without blocks as well."""

    def take(kind: int, belongs: Callable[[int, int], bool], offsets: tuple[tuple[int, int], ...]) -> tuple[int, list[Block]]:
        blocks = []
        for r in range(rows):
            for c in range(columns):
                if belongs(r, c):
                    places = tuple((r + dy, c + dx) for dy, dx in offsets)
                    blocks.append(Block(r, c, places, tuple((y, x) for y, x in places if 0 <= y < rows and 0 <= x < columns)))
        return kind, blocks

    def odd(number: int, s: int) -> bool:
        return number % s == 0 and number // s % 2 == 1

    out = [take(FIRST, lambda r, c: r % 8 == 0 and c % 8 == 0, ((rows, columns),) * 4)]
    for s in (4, 2, 1):
        out.append(take(DIAGONAL, lambda r, c, s=s: odd(r, s) and odd(c, s), ((-s, -s), (-s, s), (s, -s), (s, s))))
        out.append(take(EDGE, lambda r, c, s=s: r % s == c % s == 0 and odd(r, s) != odd(c, s), ((-s, 0), (s, 0), (0, -s), (0, s))))
    return out


def middle_of(values: list[int]) -> int:
    """Predictor of one component from k >= 1 available values."""
    v, k = sorted(values), len(values)
    return (v[(k - 1) // 2] + v[k // 2]) >> 1


def spread_of(vectors: list[list[int]]) -> int:
    """How far available vectors lie apart, in three classes."""
    if len(vectors) < 2:
        return 1
    extent = max(max(component) - min(component) for component in zip(*vectors))
    return 0 if extent == 0 else 1 if extent <= 2 else 2


@dataclass
class FrameBlocks:
    """The block layer of a frame; vectors[reference][row][column] = [dy, dx]."""

    modes: Grid
    directions: Grid
    vectors: list[Grid]
    sides: Grid


def blank(rows: int, columns: int, mode: int) -> FrameBlocks:
    """Every block in ``mode``, past reference, no motion."""

    def grid(value: Callable[[], object]) -> Grid:
        return [[value() for _ in range(columns)] for _ in range(rows)]

    return FrameBlocks(grid(lambda: mode), grid(lambda: PAST), [grid(lambda: [0, 0]) for _ in range(2)], grid(lambda: 1))


class BlockLayer:
    """Decodes the block layers of the frames after a keyframe; ``priors`` are those of the model by table name."""

    def __init__(self, priors: dict, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.stages = stages(rows, columns)
        self.tables = {name: Tables(rows_of_priors, INCREMENTS[name]) for name, rows_of_priors in priors.items()}
        self.before = blank(rows, columns, SKIP)

    def decode(self, coder: RangeDecoder, two_references: bool) -> FrameBlocks:
        """The block layer of the next inter frame."""
        for tables in self.tables.values():
            tables.begin_frame()
        out = blank(self.rows, self.columns, SKIP)
        self._modes(coder, out)
        for side in (4, 2):
            self._units(coder, out, side, two_references)
        if two_references:
            self._directions(coder, out)
        self._vectors(coder, out, two_references)
        self.before = out
        return out

    def _modes(self, coder: RangeDecoder, out: FrameBlocks) -> None:
        before, coded = self.before.modes, (RESIDUAL, INTRA)
        for kind, blocks in self.stages:
            ids = []
            for block in blocks:
                r, c = block.row, block.column
                if kind == FIRST:
                    around = [(r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)]
                    n = sum(before[y][x] in coded for y, x in around if 0 <= y < self.rows and 0 <= x < self.columns)
                else:
                    n = sum(out.modes[y][x] in coded for y, x in block.neighbours)
                ids.append(10 * kind + 5 * (before[r][c] in coded) + n)
            for block, mode in zip(blocks, self.tables["mode"].decode(coder, ids)):
                out.modes[block.row][block.column] = mode

    def _units(self, coder: RangeDecoder, out: FrameBlocks, side: int, two_references: bool) -> None:
        high, wide = -(-self.rows // side), -(-self.columns // side)

        def members(unit_row: int, unit_column: int) -> list[tuple[int, int]]:
            rows = range(unit_row * side, min(self.rows, (unit_row + 1) * side))
            return [(r, c) for r in rows for c in range(unit_column * side, min(self.columns, (unit_column + 1) * side))]

        def joined(unit_row: int, unit_column: int) -> bool:
            return 0 <= unit_row < high and 0 <= unit_column < wide and out.sides[unit_row * side][unit_column * side] >= side

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
                    before = self.before.sides[y * side][x * side] >= side
                    asked.append((y, x))
                    ids.append(72 * (side == 2) + 36 * two_references + 18 * second + 6 * load + 3 * before + (n + 1) // 2)
            for (y, x), whole in zip(asked, self.tables["unit"].decode(coder, ids)):
                if whole:
                    for r, c in members(y, x):
                        out.sides[r][c] = side

    @staticmethod
    def _leads(out: FrameBlocks, r: int, c: int) -> bool:
        side = out.sides[r][c]
        return r % side == 0 and c % side == 0

    def _unit_of(self, out: FrameBlocks, r: int, c: int) -> list[tuple[int, int]]:
        side = out.sides[r][c]
        return [(y, x) for y in range(r, min(self.rows, r + side)) for x in range(c, min(self.columns, c + side))]

    def _directions(self, coder: RangeDecoder, out: FrameBlocks) -> None:
        for _, blocks in self.stages:
            chosen = [b for b in blocks if out.modes[b.row][b.column] != INTRA and self._leads(out, b.row, b.column)]
            ids = []
            for block in chosen:
                votes = [out.directions[y][x] for y, x in block.neighbours if out.modes[y][x] != INTRA]
                counts = [votes.count(direction) for direction in (PAST, FUTURE, AVERAGE)]
                favourite = counts.index(max(counts))
                size = {1: 0, 2: 1, 4: 2}[out.sides[block.row][block.column]]
                ids.append(7 * size + (1 + 2 * favourite + (counts[favourite] == len(votes)) if votes else 0))
            for block, direction in zip(chosen, self.tables["direction"].decode(coder, ids)):
                for r, c in self._unit_of(out, block.row, block.column):
                    out.directions[r][c] = direction

    def _vectors(self, coder: RangeDecoder, out: FrameBlocks, two_references: bool) -> None:
        differs = [[[0] * self.columns for _ in range(self.rows)] for _ in range(2)]

        def uses(reference: int, r: int, c: int) -> bool:
            if not (0 <= r < self.rows and 0 <= c < self.columns):
                return False
            return out.modes[r][c] != INTRA and out.directions[r][c] != (FUTURE if reference == 0 else PAST)

        for kind, blocks in self.stages:
            leading = [block for block in blocks if self._leads(out, block.row, block.column)]
            chosen = [(reference, block) for reference in (0, 1) for block in leading if uses(reference, block.row, block.column)]
            bases, spreads, ids, others = [], [], [], []
            for reference, block in chosen:
                r, c = block.row, block.column
                available = [out.vectors[reference][y][x] for y, x in block.neighbours if uses(reference, y, x)]
                mirrored = reference == 1 and out.directions[r][c] == AVERAGE
                if mirrored:
                    base = None  # minus the vector to the past, which this stage brings
                elif available:
                    base = [middle_of(list(component)) for component in zip(*available)]
                else:
                    base = [0, 0] if two_references else list(self.before.vectors[0][r][c])
                bases.append(base)
                spreads.append(spread_of(available))
                place = 2 if mirrored else 1 if kind == EDGE else 0
                around = sum(differs[reference][y][x] for y, x in block.neighbours)
                ids.append(45 * (out.sides[r][c] > 1) + 15 * place + 3 * around + spreads[-1])
                four = [out.vectors[reference][y][x] if uses(reference, y, x) else [0, 0] for y, x in block.places]
                others.append([*four, self.before.vectors[reference][r][c]])
            merges = self.tables["vector_merge"].decode(coder, ids)
            moved = [index for index, symbol in enumerate(merges) if symbol == 6]
            vertical = self._deltas(coder, [spreads[index] for index in moved])
            horizontal = self._deltas(coder, [3 + 2 * spreads[index] + (dy == 0) for index, dy in zip(moved, vertical)])
            differences = {index: (dy, dx) for index, dy, dx in zip(moved, vertical, horizontal)}
            for index, (reference, block) in enumerate(chosen):
                r, c = block.row, block.column
                base = [-component for component in out.vectors[0][r][c]] if bases[index] is None else bases[index]
                dy, dx = differences.get(index, (0, 0))
                vector = list(others[index][merges[index] - 1]) if 1 <= merges[index] <= 5 else [base[0] + dy, base[1] + dx]
                if not all(-512 <= component <= 512 for component in vector):
                    raise ValueError("vector out of range")
                for y, x in self._unit_of(out, r, c):
                    differs[reference][y][x], out.vectors[reference][y][x] = int(merges[index] != 0), list(vector)

    def _deltas(self, coder: RangeDecoder, ids: list[int]) -> list[int]:
        symbols = self.tables["vector_delta"].decode(coder, ids)
        beyond = iter(coder.escapes(sum(s >= 65 for s in symbols)))
        return [s - 32 if s < 65 else (-1 if s == 65 else 1) * (33 + next(beyond)) for s in symbols]
