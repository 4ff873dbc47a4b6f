"""The block layer for the second decoder of the tests: plain Python, one block at a time, written from section 6 of FORMAT.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .reference_entropy import RangeDecoder, Tables

SKIP, RESIDUAL, GENERATE, INTRA = range(4)
PAST, FUTURE, AVERAGE = range(3)
FIRST, DIAGONAL, EDGE = range(3)
INCREMENTS = {"mode": 1024, "direction": 1024, "vector_same": 1024, "vector_delta": 512}

Grid = list[list]


@dataclass(frozen=True)
class Block:
    """A block of a stage: its place, and where its neighbours are (those inside the frame, in the order of the text)."""

    row: int
    column: int
    neighbours: tuple[tuple[int, int], ...]


def stages(rows: int, columns: int) -> list[tuple[int, list[Block]]]:
    """(kind, blocks in raster order) of all stages in coding order, those without blocks as well."""

    def take(kind: int, belongs: Callable[[int, int], bool], offsets: tuple[tuple[int, int], ...]) -> tuple[int, list[Block]]:
        blocks = []
        for r in range(rows):
            for c in range(columns):
                if belongs(r, c):
                    places = [(r + dy, c + dx) for dy, dx in offsets]
                    blocks.append(Block(r, c, tuple((y, x) for y, x in places if 0 <= y < rows and 0 <= x < columns)))
        return kind, blocks

    def odd(number: int, s: int) -> bool:
        return number % s == 0 and number // s % 2 == 1

    out = [take(FIRST, lambda r, c: r % 8 == 0 and c % 8 == 0, ())]
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


def blank(rows: int, columns: int, mode: int) -> FrameBlocks:
    """Every block in ``mode``, past reference, no motion."""

    def grid(value: Callable[[], object]) -> Grid:
        return [[value() for _ in range(columns)] for _ in range(rows)]

    return FrameBlocks(grid(lambda: mode), grid(lambda: PAST), [grid(lambda: [0, 0]) for _ in range(2)])


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

    def _directions(self, coder: RangeDecoder, out: FrameBlocks) -> None:
        for _, blocks in self.stages:
            chosen = [block for block in blocks if out.modes[block.row][block.column] != INTRA]
            ids = []
            for block in chosen:
                votes = [out.directions[y][x] for y, x in block.neighbours if out.modes[y][x] != INTRA]
                counts = [votes.count(direction) for direction in (PAST, FUTURE, AVERAGE)]
                favourite = counts.index(max(counts))
                ids.append(1 + 2 * favourite + (counts[favourite] == len(votes)) if votes else 0)
            for block, direction in zip(chosen, self.tables["direction"].decode(coder, ids)):
                out.directions[block.row][block.column] = direction

    def _vectors(self, coder: RangeDecoder, out: FrameBlocks, two_references: bool) -> None:
        differs = [[[0] * self.columns for _ in range(self.rows)] for _ in range(2)]

        def uses(reference: int, r: int, c: int) -> bool:
            return out.modes[r][c] != INTRA and out.directions[r][c] != (FUTURE if reference == 0 else PAST)

        for kind, blocks in self.stages:
            chosen = [(reference, block) for reference in (0, 1) for block in blocks if uses(reference, block.row, block.column)]
            bases, spreads, ids = [], [], []
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
                ids.append(15 * place + 3 * sum(differs[reference][y][x] for y, x in block.neighbours) + spreads[-1])
            flags = self.tables["vector_same"].decode(coder, ids)
            moved = [index for index, flag in enumerate(flags) if flag]
            vertical = self._deltas(coder, [spreads[index] for index in moved])
            horizontal = self._deltas(coder, [3 + 2 * spreads[index] + (dy == 0) for index, dy in zip(moved, vertical)])
            differences = {index: (dy, dx) for index, dy, dx in zip(moved, vertical, horizontal)}
            for index, (reference, block) in enumerate(chosen):
                r, c = block.row, block.column
                base = [-component for component in out.vectors[0][r][c]] if bases[index] is None else bases[index]
                dy, dx = differences.get(index, (0, 0))
                vector = [base[0] + dy, base[1] + dx]
                if not all(-512 <= component <= 512 for component in vector):
                    raise ValueError("vector out of range")
                differs[reference][r][c], out.vectors[reference][r][c] = flags[index], vector

    def _deltas(self, coder: RangeDecoder, ids: list[int]) -> list[int]:
        symbols = self.tables["vector_delta"].decode(coder, ids)
        beyond = iter(coder.escapes(sum(s >= 65 for s in symbols)))
        return [s - 32 if s < 65 else (-1 if s == 65 else 1) * (33 + next(beyond)) for s in symbols]
