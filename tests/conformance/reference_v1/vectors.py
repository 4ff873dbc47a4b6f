"""The vectors of the block layer, written from section 6 of FORMAT.md."""

from __future__ import annotations

from dataclasses import dataclass

from .block_fields import AVERAGE, INTRA, FrameBlocks
from .entropy import RangeDecoder, Tables
from .stages import EDGE, Block

LIMIT = 512
NEW = 6  # the symbol of a vector that is sent
RADIUS = 32  # of what is sent without an escape


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
    rounded = ((2 * component * distance + over) // (2 * over) for component in vector)
    return [max(-LIMIT, min(LIMIT, component)) for component in rounded]


@dataclass
class TemporalMotion:
    """The motion that a frame's temporal candidates come from: that of ``source`` to one of its
    references.
    """

    source: FrameBlocks
    reference: int

    def candidate(self, distance: int, row: int, column: int) -> list[int]:
        """For a block of a frame whose reference is ``distance`` away."""
        if not self.source.distances:
            return [0, 0]
        over = self.source.distances[self.reference]
        return scaled(self.source.motion[self.reference][row][column], distance, over)


@dataclass
class Asked:
    """A vector to decode.  base: what it is predicted as, None for the vector to the past turned
    round, which the same stage brings; spread: of the vectors around it, in three classes.
    """

    reference: int
    block: Block
    base: list[int] | None
    candidates: list[list[int] | None]
    spread: int


class VectorLayer:
    """Decodes the vectors of a frame whose modes, sides and directions are known."""

    def __init__(
        self,
        tables: dict[str, Tables],
        stages: list[tuple[int, list[Block]]],
        temporal: TemporalMotion,
        out: FrameBlocks,
    ) -> None:
        self.tables, self.stages, self.temporal, self.out = tables, stages, temporal, out
        self.layers = range(len(out.distances))
        self.differs = [[0] * len(row) for row in out.modes]

    def decode(self, coder: RangeDecoder) -> None:
        """All stages."""
        for kind, blocks in self.stages:
            asked = [
                self._asked(reference, block)
                for reference in self.layers
                for block in blocks
                if self.out.leads(block.row, block.column)
                and self.out.uses(reference, block.row, block.column)
            ]
            merges = self._merges(coder, kind, asked)
            differences = self._differences(coder, asked, merges)
            for vector, merge, difference in zip(asked, merges, differences, strict=True):
                self._set(vector, merge, difference)

    def _mirrors(self, reference: int, block: Block) -> bool:
        return reference == 1 and self.out.directions[block.row][block.column] == AVERAGE

    def _asked(self, reference: int, block: Block) -> Asked:
        motion = self.out.motion[reference]
        temporal = self.temporal.candidate(self.out.distances[reference], block.row, block.column)
        available = [motion[y][x] for y, x in block.neighbours if self.out.modes[y][x] != INTRA]
        base: list[int] | None = None
        if not self._mirrors(reference, block):
            components = zip(*available, strict=True)
            base = [middle_of(list(each)) for each in components] if available else temporal
        around = [motion[y][x] if (y, x) in block.neighbours else [0, 0] for y, x in block.places]
        candidates: list[list[int] | None] = [base]
        for candidate in (temporal, *around):
            if candidate not in candidates:
                candidates.append(list(candidate))
        return Asked(reference, block, base, candidates, spread_of(available))

    def _merges(self, coder: RangeDecoder, kind: int, asked: list[Asked]) -> list[int]:
        """Which candidate each vector is, 0 or ``NEW`` for one that a difference comes with."""
        ids = []
        for vector in asked:
            block = vector.block
            mirrored = self._mirrors(vector.reference, block)
            place = 2 if mirrored else 1 if kind == EDGE else 0
            around = sum(self.differs[y][x] for y, x in block.neighbours)
            merged = self.out.sides[block.row][block.column] > 1
            ids.append(90 * merged + 30 * place + 6 * around + len(vector.candidates) - 1)
        merges = self.tables["vector_merge"].decode(coder, ids)
        if any(
            len(vector.candidates) <= symbol < NEW
            for vector, symbol in zip(asked, merges, strict=True)
        ):
            raise ValueError("no such candidate")
        return merges

    def _differences(
        self, coder: RangeDecoder, asked: list[Asked], merges: list[int]
    ) -> list[tuple[int, int]]:
        """What is added to the base of each vector: zero unless it is new."""
        new = [index for index, symbol in enumerate(merges) if symbol == NEW]
        spreads = [asked[index].spread for index in new]
        vertical = self._deltas(coder, spreads)
        ids = [3 + 2 * spread + (dy == 0) for spread, dy in zip(spreads, vertical, strict=True)]
        horizontal = self._deltas(coder, ids)
        sent = dict(zip(new, zip(vertical, horizontal, strict=True), strict=True))
        return [sent.get(index, (0, 0)) for index in range(len(asked))]

    def _deltas(self, coder: RangeDecoder, ids: list[int]) -> list[int]:
        symbols = self.tables["vector_delta"].decode(coder, ids)
        first_escape = 2 * RADIUS + 1
        beyond = iter(coder.escapes(sum(s >= first_escape for s in symbols)))
        return [
            s - RADIUS
            if s < first_escape
            else (-1 if s == first_escape else 1) * (RADIUS + 1 + next(beyond))
            for s in symbols
        ]

    def _set(self, asked: Asked, merge: int, difference: tuple[int, int]) -> None:
        out, reference, block = self.out, asked.reference, asked.block
        base = asked.base
        if base is None:
            past = out.vectors[0][block.row][block.column]
            base = scaled(past, out.distances[1], out.distances[0])
        chosen = asked.candidates[merge] if 1 <= merge < NEW else None
        vector = (
            [base[0] + difference[0], base[1] + difference[1]] if chosen is None else list(chosen)
        )
        if not all(-LIMIT <= component <= LIMIT for component in vector):
            raise ValueError("vector out of range")
        for y, x in out.led_by(block.row, block.column):
            self.differs[y][x] |= int(merge != 0)
            out.vectors[reference][y][x] = out.motion[reference][y][x] = list(vector)
            if len(self.layers) == 2 and out.directions[block.row][block.column] != AVERAGE:
                other = 1 - reference
                distances = out.distances[other], out.distances[reference]
                out.motion[other][y][x] = scaled(vector, *distances)
