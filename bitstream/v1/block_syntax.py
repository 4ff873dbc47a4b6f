"""Syntax of the block layer of an inter frame: modes, merged blocks, prediction directions and
motion vectors, in this order.

Blocks are coded in the stages of a dyadic lattice (block_lattice.py), so that contexts come from
decoded neighbours on all sides and coding stays vectorised.  One function serves writer and reader:
the writer is handed the values, the reader gives them back.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import ClassVar, Self

import numpy as np

from ..group_structure import FrameReference
from .adaptive_tables import TableSet
from .block_context import BlockContext, CodedBlocks
from .block_elements import BLOCK_ELEMENTS, BLOCK_MERGE, DIRECTION, MODE, BlockElement
from .block_fields import MODE_INTRA, MODE_RESIDUAL, BlockFields, Direction, Mode
from .block_lattice import StageKind, stages
from .merged_blocks import MERGE_SIDES, MergeGrid, count_around, leaders, merge_grid
from .symbol_coder import SymbolReader, SymbolWriter
from .vector_syntax import VectorLayer

# Votes of the neighbours for a direction are counted in the octal digits of one integer.
VOTE_BITS = 3


def _vote_digits() -> np.ndarray:
    """The digit ``votes`` of a direction's context by the neighbours' votes: past, future, average
    in octal digits.
    """
    votes = np.arange(5 * 64)[:, None] >> np.array([0, VOTE_BITS, 2 * VOTE_BITS]) & 7
    most, total = votes.max(1), votes.sum(1)
    return np.where(total > 0, 1 + 2 * votes.argmax(1) + (most == total), 0)


VOTE_DIGITS = _vote_digits()


class BlockCoder:
    """The adaptive tables of the block layer, and the block layers of the frames that a frame may
    refer to.  Reset at keyframes.

    elements: of the syntax.
    """

    elements: ClassVar[Mapping[str, BlockElement]] = BLOCK_ELEMENTS

    def __init__(self, priors: dict[str, np.ndarray], height: int, width: int) -> None:
        self.tables = {
            name: TableSet(table, self.elements[name].increment, name)
            for name, table in priors.items()
        }
        self.stages = stages(height, width)
        self.known = {0: CodedBlocks.keyframe(height, width)}

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        return self.known[0].fields.modes.shape

    def copy(self) -> Self:
        """An independent copy of the state between two frames."""
        other = copy(self)
        other.tables = {name: table_set.copy() for name, table_set in self.tables.items()}
        other.known = dict(self.known)
        return other

    def __getstate__(self) -> dict[str, object]:
        """For pickling between two access units: only what the next one sees, and nothing that
        follows from the size.
        """
        return {**vars(self), "stages": None, "known": {0: self.known[max(self.known)]}}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self.stages = stages(*self.grid)

    def start_unit(self) -> None:
        """To be called before the first inter frame of an access unit: the frame displayed last
        becomes the anchor.
        """
        self.known = {0: self.known[max(self.known)]}

    def context(self, entry: FrameReference) -> BlockContext:
        """What the next frame is predicted from; encoders price their choices by it."""
        return BlockContext(self.known, entry)

    def code(
        self, io: SymbolWriter | SymbolReader, fields: BlockFields, entry: FrameReference
    ) -> BlockFields:
        """Code one frame's block layer; the reader's ``fields`` need only have the right shape."""
        for tables in self.tables.values():
            tables.update()
        context = self.context(entry)
        rows, columns = fields.modes.shape
        out = BlockFields.blank(rows, columns, Mode.SKIP)
        self._code_modes(io, fields, out, context)
        for depth, side in enumerate(MERGE_SIDES):
            grid = merge_grid(*out.modes.shape, side)
            self._code_merges(io, fields, out, context, depth, grid)
        leader_of = leaders(out.sides)
        if context.has_future:
            self._code_directions(io, fields, out, context, leader_of)
        motion = VectorLayer(io, self.tables, out, context, leader_of).code(fields)
        self.known[entry.number] = CodedBlocks(out, context.distances, motion)
        if io.observer is not None:
            io.observer.blocks_coded(context, out)
        return out

    def _code_modes(
        self,
        io: SymbolWriter | SymbolReader,
        fields: BlockFields,
        out: BlockFields,
        context: BlockContext,
    ) -> None:
        """Section 6.2 of FORMAT.md."""
        modes, values = out.modes.reshape(-1), fields.modes.reshape(-1)
        coded = [reference.fields.coded for reference in context.references]
        in_references = context.agreeing(coded).reshape(-1)
        fixed = MODE.index(frame_class=context.frame_class, references=in_references)
        # In one plane for one gather: 1 for a block that is coded, 1 + 8 for an intra one.
        seen = np.zeros(out.modes.shape, dtype=np.int64)
        flat = seen.reshape(-1)
        for stage in self.stages:
            blocks = stage.blocks
            if stage.kind == StageKind.FIRST:
                near = count_around(coded[0]).reshape(-1)[blocks]
            else:
                near = stage.gather(seen).sum(0)
            ids = fixed[blocks] + MODE.part(
                stage=int(stage.kind), intra=near >= 8, neighbours=near & 7
            )
            modes[blocks] = symbols = io.code(self.tables["mode"], ids, values[blocks], blocks)
            flat[blocks] = (symbols == MODE_RESIDUAL) + 9 * (symbols == MODE_INTRA)

    def _code_merges(
        self,
        io: SymbolWriter | SymbolReader,
        fields: BlockFields,
        out: BlockFields,
        context: BlockContext,
        depth: int,
        grid: MergeGrid,
    ) -> None:
        """Section 6.3 of FORMAT.md, for squares of one side: those with an intra block never move
        as one, nor those of one block.
        """
        side, sides, values = grid.side, out.sides.reshape(-1), fields.sides.reshape(-1)
        intra, coded = out.modes.reshape(-1) == MODE_INTRA, out.coded.reshape(-1)
        merged = sides[grid.leaders] >= side
        eligible = (grid.size > 1) & (grid.count(intra) == 0) & ~merged
        double = 2 * grid.count(coded)
        in_references = context.agreeing(
            [
                reference.fields.sides.reshape(-1)[grid.leaders] >= side
                for reference in context.references
            ]
        )
        fixed = BLOCK_MERGE.index(
            depth=depth,
            two_references=int(context.has_future),
            coded=(double > 0) + (double > grid.size).astype(np.int64),
            references=in_references,
        )
        for second in (False, True):
            squares = np.flatnonzero(eligible & (grid.second_pass == second))
            if not len(squares):
                continue
            near = grid.neighbours(merged)[squares]
            ids = fixed[squares] + BLOCK_MERGE.part(
                second_pass=int(second), neighbours=near + 1 >> 1
            )
            places = grid.leaders[squares]
            symbols = (values[places] >= side).astype(np.int64)
            merged[squares] = io.code(self.tables["block_merge"], ids, symbols, places)
        sides[(merged & eligible)[grid.square_of]] = side

    def _code_directions(
        self,
        io: SymbolWriter | SymbolReader,
        fields: BlockFields,
        out: BlockFields,
        context: BlockContext,
        leader_of: np.ndarray,
    ) -> None:
        """Section 6.4 of FORMAT.md."""
        directions, values = out.directions.reshape(-1), fields.directions.reshape(-1)
        source = context.source.fields
        predicted = out.modes.reshape(-1) != MODE_INTRA
        leads = predicted & (leader_of == np.arange(len(leader_of)))
        followers = len(leader_of) > np.count_nonzero(leads)
        fixed = DIRECTION.index(
            source=np.where(source.modes == MODE_INTRA, len(Direction), source.directions),
            size=out.sides >> 1,
        ).reshape(-1)
        votes = np.zeros(out.modes.shape, dtype=np.int64)  # what a block adds to its neighbours'
        flat = votes.reshape(-1)
        for stage in self.stages:
            part = stage.restricted(leads)
            if part is None:
                continue
            near = VOTE_DIGITS[part.gather(votes).sum(0)]
            ids = fixed[part.blocks] + DIRECTION.part(votes=near)
            directions[part.blocks] = symbols = io.code(
                self.tables["direction"], ids, values[part.blocks], part.blocks
            )
            flat[part.blocks] = 1 << VOTE_BITS * symbols
            if followers:
                flat[:] = flat[leader_of]
        directions[:] = directions[leader_of]
