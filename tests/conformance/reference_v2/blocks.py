"""The block layer by section 10 of FORMAT-2.md, one block at a time."""

from __future__ import annotations

from collections.abc import Callable

from ..reference_v1.block_fields import (
    AVERAGE,
    FUTURE,
    INTRA,
    PAST,
    RESIDUAL,
    SKIP,
    FrameBlocks,
)
from ..reference_v1.blocks import BlockLayer
from ..reference_v1.entropy import RangeDecoder, Tables
from ..reference_v1.stages import EDGE, FIRST, Block
from ..reference_v1.vectors import NEW, Asked, TemporalMotion, VectorLayer

INCREMENTS = {"vector_delta": 512}
SIDES = (8, 4, 2)
SIZES = {1: 0, 2: 1, 4: 2, 8: 3}
CODED = (RESIDUAL, INTRA)
Place = tuple[int, int]
# Distances, and temporal motion to the past by row and column → vectors to the past and to the
# future by place.
Derive = Callable[[list[int], list[list[list[int]]]], list[dict[Place, list[int]]]]


class SecondVectors(VectorLayer):
    """Vectors as in version 1, in other contexts."""

    def _merges(self, coder: RangeDecoder, kind: int, asked: list[Asked]) -> list[int]:
        ids = []
        for vector in asked:
            block = vector.block
            place = 2 if self._mirrors(vector.reference, block) else int(kind == EDGE)
            around = sum(self.differs[y][x] for y, x in block.neighbours)
            size = SIZES[self.out.sides[block.row][block.column]]
            ids.append(90 * size + 30 * place + 6 * around + len(vector.candidates) - 1)
        merges = self.tables["vector_merge"].decode(coder, ids)
        if any(len(v.candidates) <= s < NEW for v, s in zip(asked, merges, strict=True)):
            raise ValueError("no such candidate")
        return merges

    def _spread(self, block: Block, reference: int) -> int:
        motion = self.out.motion[reference]
        known = [motion[y][x] for y, x in block.neighbours if self.out.modes[y][x] != INTRA]
        if len(known) < 2:
            return 0
        extent = max(max(part) - min(part) for part in zip(*known, strict=True))
        return 1 + (extent > 0) + (extent > 2) + (extent > 6)

    def _differences(
        self, coder: RangeDecoder, asked: list[Asked], merges: list[int]
    ) -> list[Place]:
        new = [index for index, symbol in enumerate(merges) if symbol == NEW]
        spreads = [self._spread(asked[index].block, asked[index].reference) for index in new]
        vertical = self._deltas(coder, spreads)
        ids = [5 + 2 * spread + (dy == 0) for spread, dy in zip(spreads, vertical, strict=True)]
        sent = dict(zip(new, zip(vertical, self._deltas(coder, ids), strict=True), strict=True))
        return [sent.get(index, (0, 0)) for index in range(len(asked))]


class SecondBlockLayer(BlockLayer):
    """Decodes the block layers of the frames after a keyframe; ``priors`` are those of the model by
    table name.
    """

    def __init__(self, priors: dict, rows: int, columns: int) -> None:
        super().__init__({}, rows, columns)
        self.derive: Derive | None = None
        self.tables = {
            name: Tables(rows_of_priors, INCREMENTS.get(name, 1024))
            for name, rows_of_priors in priors.items()
        }

    def _layers(
        self, coder: RangeDecoder, out: FrameBlocks, temporal: TemporalMotion, two: bool
    ) -> None:
        self.temporal, self.two = temporal, two
        if two:
            self._derived_blocks(coder, out)
        for depth, side in enumerate(SIDES):
            self._merged_squares(coder, out, depth, side)
        self._directions(coder, out)
        SecondVectors(self.tables, self.stages, temporal, out).decode(coder)
        self._modes(coder, out)

    def members(self, place: Place, side: int) -> list[Place]:
        """The blocks of a square."""
        return [
            (r, c)
            for r in range(place[0] * side, min(self.rows, (place[0] + 1) * side))
            for c in range(place[1] * side, min(self.columns, (place[1] + 1) * side))
        ]

    def squares(self, side: int, second: int) -> list[Place]:
        """Those of a pass."""
        high, wide = -(-self.rows // side), -(-self.columns // side)
        return [(y, x) for y in range(high) for x in range(wide) if (y + x) % 2 == second]

    def around(self, place: Place, side: int) -> list[Place]:
        """The squares above, below, left and right."""
        high, wide = -(-self.rows // side), -(-self.columns // side)
        y, x = place
        four = ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
        return [(r, c) for r, c in four if 0 <= r < high and 0 <= c < wide]

    def _derived_blocks(self, coder: RangeDecoder, out: FrameBlocks) -> None:
        temporal = [
            [self.temporal.candidate(out.distances[0], r, c) for c in range(self.columns)]
            for r in range(self.rows)
        ]
        for depth, side in enumerate((*SIDES, 1)):
            for second in (0, 1):
                self._derived_squares(coder, out, temporal, (depth, side, second))
        if not out.derived:
            return
        if self.derive is None:
            raise ValueError("derived motion without pictures")
        for i, vectors in enumerate(self.derive(out.distances, temporal)):
            for r, c in out.derived:
                out.directions[r][c] = AVERAGE
                out.vectors[i][r][c] = list(vectors[r, c])
                out.motion[i][r][c] = list(vectors[r, c])

    def _derived_squares(
        self,
        coder: RangeDecoder,
        out: FrameBlocks,
        temporal: list[list[list[int]]],
        squares: tuple[int, int, int],
    ) -> None:
        """The squares of one side and pass."""
        depth, side, second = squares

        def derived(blocks: FrameBlocks, place: Place) -> bool:
            return blocks.derived.issuperset(self.members(place, side))

        asked, ids = [], []
        for place in self.squares(side, second):
            members = self.members(place, side)
            if (len(members) == 1 and side > 1) or derived(out, place):
                continue
            motions = [temporal[r][c] for r, c in members]
            same = all(motion == motions[0] for motion in motions)
            motion = 2 if not same else int(motions[0] != [0, 0])
            w = self._count(lambda reference, place=place: derived(reference, place))
            n = sum(derived(out, near) for near in self.around(place, side))
            leaf = out.distances == [-1, 1]
            asked.append(place)
            ids.append(180 * depth + 90 * leaf + 45 * second + 15 * motion + 5 * w + n)
        for place, symbol in zip(asked, self.tables["derived"].decode(coder, ids), strict=True):
            if symbol:
                out.derived.update(self.members(place, side))

    def _merged_squares(self, coder: RangeDecoder, out: FrameBlocks, depth: int, side: int) -> None:
        def merged(blocks: FrameBlocks, place: Place) -> bool:
            return blocks.sides[place[0] * side][place[1] * side] >= side

        for second in (0, 1):
            asked, ids = [], []
            for place in self.squares(side, second):
                members = self.members(place, side)
                if len(members) == 1 or merged(out, place):
                    continue
                if not out.derived.isdisjoint(members):
                    continue
                motions = [self.temporal.candidate(out.distances[0], *block) for block in members]
                w = self._count(lambda reference, place=place: merged(reference, place))
                n = sum(merged(out, near) for near in self.around(place, side))
                steady = all(motion == motions[0] for motion in motions)
                asked.append(place)
                ids.append(120 * depth + 60 * self.two + 30 * second + 10 * w + 5 * steady + n)
            symbols = self.tables["block_merge"].decode(coder, ids)
            for place, whole in zip(asked, symbols, strict=True):
                if whole:
                    for r, c in self.members(place, side):
                        out.sides[r][c] = side

    def _directions(self, coder: RangeDecoder, out: FrameBlocks) -> None:
        known: set[Place] = set(out.derived)
        for _, blocks in self.stages:
            chosen = [block for block in blocks if out.leads(block.row, block.column)]
            ids = []
            for block in chosen:
                votes = [
                    out.directions[y][x]
                    for y, x in block.neighbours
                    if (y, x) in known and out.modes[y][x] != INTRA
                ]
                counts = [votes.count(direction) for direction in (PAST, FUTURE, AVERAGE)]
                most = counts.index(max(counts))
                vote = 1 + 2 * most + (counts[most] == len(votes)) if votes else 0
                r, c = block.row, block.column
                before = 3 if self.source.modes[r][c] == INTRA else self.source.directions[r][c]
                ids.append(112 * self.two + 28 * before + 7 * SIZES[out.sides[r][c]] + vote)
            symbols = self.tables["direction"].decode(coder, ids)
            for block, symbol in zip(chosen, symbols, strict=True):
                if symbol in (FUTURE, AVERAGE) and not self.two:
                    raise ValueError("no such reference")
                if symbol == 3 and out.sides[block.row][block.column] > 1:
                    raise ValueError("a merged block is intra")
                for r, c in out.led_by(block.row, block.column):
                    known.add((r, c))
                    if symbol == 3:
                        out.modes[r][c] = INTRA
                    else:
                        out.directions[r][c] = symbol

    def _modes(self, coder: RangeDecoder, out: FrameBlocks) -> None:
        frame_class = 0 if not self.two else 2 if out.distances == [-1, 1] else 1
        asked = self._kept(coder, out, frame_class)
        known: dict[Place, list[int]] = {}  # modes of a square of side 2
        for kind, blocks in self.stages:
            chosen = [block for block in blocks if (block.row, block.column) in asked]
            ids = []
            for block in chosen:
                r, c = block.row, block.column
                if kind == FIRST:
                    past = self.references[0].modes
                    n = sum(past[y][x] in CODED for y, x in self.around((r, c), 1))
                else:
                    n = sum(out.modes[y][x] in CODED for y, x in block.neighbours)
                w = self._count(lambda reference, r=r, c=c: reference.modes[r][c] in CODED)
                modes = known.get((r // 2, c // 2), [])
                square = 0 if not modes else 1 if set(modes) == {SKIP} else 2
                ids.append(
                    270 * frame_class
                    + 90 * kind
                    + 30 * w
                    + 15 * self._moves(out, r, c)
                    + 5 * square
                    + n
                )
            for block, mode in zip(chosen, self.tables["mode"].decode(coder, ids), strict=True):
                r, c = block.row, block.column
                out.modes[r][c] = mode
                known.setdefault((r // 2, c // 2), []).append(mode)

    @staticmethod
    def _moves(out: FrameBlocks, row: int, column: int) -> bool:
        return any(vectors[row][column] != [0, 0] for vectors in out.vectors)

    def _kept(self, coder: RangeDecoder, out: FrameBlocks, frame_class: int) -> set[Place]:
        """Blocks whose modes are coded."""
        asked = {
            (r, c)
            for r in range(self.rows)
            for c in range(self.columns)
            if out.modes[r][c] != INTRA
        }

        for depth, side in enumerate(SIDES):
            every = self.squares(side, 0) + self.squares(side, 1)
            kept = {p for p in every if not asked.isdisjoint(self.members(p, side))}
            maybe = set(kept)
            for second in (0, 1):
                places, ids = [p for p in self.squares(side, second) if p in maybe], []
                for place in places:
                    members = self.members(place, side)

                    def coded(reference: FrameBlocks, members: list[Place] = members) -> bool:
                        return any(reference.modes[r][c] in CODED for r, c in members)

                    moving = any(self._moves(out, r, c) for r, c in members)
                    n = sum(near in kept for near in self.around(place, side))
                    ids.append(
                        180 * depth
                        + 60 * frame_class
                        + 30 * second
                        + 10 * self._count(coded)
                        + 5 * moving
                        + n
                    )
                for place, symbol in zip(
                    places, self.tables["square"].decode(coder, ids), strict=True
                ):
                    if not symbol:
                        kept.discard(place)
            asked = {(r, c) for r, c in asked if (r // side, c // side) in kept}
        return asked
