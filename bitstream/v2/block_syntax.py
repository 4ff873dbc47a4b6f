"""Syntax of the block layer of an inter frame of version 2: merged blocks, directions and vectors,
then which blocks are coded.

Blocks are 8 px as a rule, so there are many of them, of which most stand still.  What moves as one
and what is skipped as one is therefore said of squares, from 64 px down; and motion comes before
modes, since it says where something changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import BitstreamError
from ..group_structure import FrameReference
from ..v1.adaptive_tables import TableSet
from ..v1.block_context import BlockContext, CodedBlocks
from ..v1.block_elements import BlockElement
from ..v1.block_fields import MODE_INTRA, MODE_RESIDUAL, BlockFields, Direction, Mode
from ..v1.block_lattice import StageKind
from ..v1.block_syntax import VOTE_BITS, VOTE_DIGITS
from ..v1.block_syntax import BlockCoder as FirstBlockCoder
from ..v1.merged_blocks import MergeGrid, count_around, leaders, merge_grid
from ..v1.symbol_coder import SymbolReader, SymbolWriter
from . import compiled
from .block_elements import BLOCK_ELEMENTS, BLOCK_MERGE, DIRECTION, INTRA, MERGE_SIDES, MODE, SQUARE
from .block_kernels import KernelBlocks
from .derived_blocks import DerivableFields, code_derived, derived_in, steady
from .line_matching import Vectors
from .reading import update_tables
from .vector_syntax import SIZES, VectorLayer

Io = SymbolWriter | SymbolReader
Mask = npt.NDArray[np.bool_]


class PricedContext(BlockContext):
    """What a frame's block layer is predicted from, and the tables that it is coded under."""

    def __init__(
        self,
        known: dict[int, CodedBlocks],
        entry: FrameReference,
        tables: Mapping[str, TableSet],
    ) -> None:
        super().__init__(known, entry)
        self.tables = tables


class BlockCoder(FirstBlockCoder):
    """The adaptive tables of the block layer, and the block layers of the frames that a frame may
    refer to.  Reset at keyframes.
    """

    elements: ClassVar[Mapping[str, BlockElement]] = BLOCK_ELEMENTS

    def context(self, entry: FrameReference) -> PricedContext:
        """As in version 1, with tables that are up to date."""
        update_tables(*self.tables.values())
        return PricedContext(self.known, entry, self.tables)

    def code(
        self,
        io: Io,
        fields: BlockFields,
        entry: FrameReference,
        derive: Callable[[Vectors, Mask], Vectors] | None = None,
    ) -> DerivableFields:
        """Code one frame's block layer; the reader's ``fields`` need only have the right shape.

        derive: gives the derived motion (2, bh, bw, 2) of a frame from the temporal motion to its
        past reference (bh, bw, 2), of the blocks (bh, bw) that have it, and is asked where there
        are any; None for frames without it.
        Raises ``BitstreamError`` for what no frame has.
        """
        context = self.context(entry)
        rows, columns = fields.modes.shape
        out = DerivableFields.blank(rows, columns, Mode.SKIP)
        by_kernels = self._kernel_blocks(io, context)
        if context.has_future and by_kernels is not None:
            out.derived = by_kernels.derived()
        elif context.has_future:
            out.derived[:] = code_derived(io, self.tables["derived"], derived_in(fields), context)
        if out.derived.any():
            if derive is None:
                raise BitstreamError("a frame without pictures has derived motion")
            out.vectors[:, out.derived] = derive(context.temporal[0], out.derived)[:, out.derived]
        if by_kernels is not None:
            motion = by_kernels.rest(out)
        else:
            motion = self._code_rest(io, fields, out, context)
        self.known[entry.number] = CodedBlocks(out, context.distances, motion)
        if io.observer is not None:
            io.observer.blocks_coded(context, out)
        return out

    def _kernel_blocks(self, io: Io, context: PricedContext) -> KernelBlocks | None:
        """What reads a frame by kernels; None where NumPy has to."""
        kernels = compiled.kernels()
        if kernels is None or not isinstance(io, kernels.CompiledReader):
            return None
        return KernelBlocks(kernels, io, self.tables, context)

    def _code_rest(
        self, io: Io, fields: BlockFields, out: DerivableFields, context: BlockContext
    ) -> npt.NDArray[np.int64]:
        """All behind derived blocks → the motion (layers, bh, bw, 2) to each reference."""
        for depth, side in enumerate(MERGE_SIDES):
            self._code_merges(io, fields, out, context, depth, merge_grid(*out.modes.shape, side))
        leader_of = leaders(out.sides)
        self._code_directions(io, fields, out, context, leader_of)
        motion: npt.NDArray[np.int64] = VectorLayer(io, self.tables, out, context, leader_of).code(
            fields
        )
        self._code_modes(io, fields, out, context)
        return motion

    def _code_merges(
        self,
        io: Io,
        fields: BlockFields,
        out: BlockFields,
        context: BlockContext,
        depth: int,
        grid: MergeGrid,
    ) -> None:
        """Section 10.2 of FORMAT-2.md, for squares of one side."""
        side, sides, values = grid.side, out.sides.reshape(-1), fields.sides.reshape(-1)
        merged = sides[grid.leaders] >= side
        eligible = (grid.size > 1) & ~merged & (grid.count(derived_in(out).reshape(-1)) == 0)
        fixed = BLOCK_MERGE.index(
            depth=depth,
            two_references=int(context.has_future),
            references=context.agreeing(
                [
                    reference.fields.sides.reshape(-1)[grid.leaders] >= side
                    for reference in context.references
                ]
            ),
            steady=steady(grid, context),
        )
        for second in (False, True):
            squares = np.flatnonzero(eligible & (grid.second_pass == second))
            if not len(squares):
                continue
            ids = fixed[squares] + BLOCK_MERGE.part(
                second_pass=int(second), neighbours=grid.neighbours(merged)[squares]
            )
            places = grid.leaders[squares]
            symbols = (values[places] >= side).astype(np.int64)
            merged[squares] = io.code(self.tables["block_merge"], ids, symbols, places)
        sides[(merged & eligible)[grid.square_of]] = side

    def _code_directions(
        self,
        io: Io,
        fields: BlockFields,
        out: BlockFields,
        context: BlockContext,
        leader_of: np.ndarray,
    ) -> None:
        """Section 10.3 of FORMAT-2.md: directions, and which blocks are intra."""
        directions, modes = out.directions.reshape(-1), out.modes.reshape(-1)
        values = np.where(fields.modes == MODE_INTRA, INTRA, fields.directions).reshape(-1)
        source = context.source.fields
        derived = derived_in(out).reshape(-1)
        leads = (leader_of == np.arange(len(leader_of))) & ~derived
        fixed = DIRECTION.index(
            two_references=int(context.has_future),
            source=np.where(source.modes == MODE_INTRA, INTRA, source.directions),
            size=SIZES[out.sides],
        ).reshape(-1)
        votes = np.zeros(out.modes.shape, dtype=np.int64)  # what a block adds to its neighbours'
        flat = votes.reshape(-1)
        directions[derived], flat[derived] = Direction.AVERAGE, 1 << VOTE_BITS * Direction.AVERAGE
        for stage in self.stages:
            part = stage.restricted(leads)
            if part is None:
                continue
            ids = fixed[part.blocks] + DIRECTION.part(votes=VOTE_DIGITS[part.gather(votes).sum(0)])
            symbols = io.code(self.tables["direction"], ids, values[part.blocks], part.blocks)
            is_intra = symbols == INTRA
            directions[part.blocks] = np.where(is_intra, Direction.PAST, symbols)
            modes[part.blocks[is_intra]] = MODE_INTRA
            flat[part.blocks] = np.where(is_intra, 0, 1 << VOTE_BITS * np.minimum(symbols, 2))
            flat[:] = flat[leader_of]
        directions[:] = directions[leader_of]
        if not context.has_future and directions.any():
            raise BitstreamError("direction names a reference that the frame has not")
        if ((modes == MODE_INTRA) & (out.sides.reshape(-1) > 1)).any():
            raise BitstreamError("a merged block is intra")

    def _code_modes(
        self, io: Io, fields: BlockFields, out: BlockFields, context: BlockContext
    ) -> None:
        """Section 10.5 of FORMAT-2.md."""
        modes, values = out.modes.reshape(-1), fields.modes.reshape(-1)
        moving: Mask = out.vectors.any((0, -1)).reshape(-1)
        coded = [reference.fields.coded.reshape(-1) for reference in context.references]
        asked = self._code_squares(io, fields, out, context, moving, coded)
        fixed = MODE.index(
            frame_class=context.frame_class, references=context.agreeing(coded), moving=moving
        )
        seen = (out.modes == MODE_INTRA).astype(np.int64)
        flat = seen.reshape(-1)
        square_of = merge_grid(*out.modes.shape, 2).square_of
        known = np.zeros(int(square_of.max()) + 1, dtype=np.int64)  # of a square of side 2
        for stage in self.stages:
            part = stage.restricted(asked)
            if part is None:
                continue
            blocks = part.blocks
            if stage.kind == StageKind.FIRST:
                near = count_around(coded[0].reshape(out.modes.shape)).reshape(-1)[blocks]
            else:
                near = part.gather(seen).sum(0)
            ids = fixed[blocks] + MODE.part(
                stage=int(stage.kind), square=known[square_of[blocks]], neighbours=near
            )
            symbols = io.code(self.tables["mode"], ids, values[blocks], blocks)
            modes[blocks] = symbols
            flat[blocks] = symbols == MODE_RESIDUAL
            np.maximum.at(known, square_of[blocks], 1 + (symbols != Mode.SKIP))

    def _code_squares(
        self,
        io: Io,
        fields: BlockFields,
        out: BlockFields,
        context: BlockContext,
        moving: Mask,
        coded: list[Mask],
    ) -> Mask:
        """Which blocks (bh · bw,) have their modes coded: those of squares that are not skipped
        altogether.
        """
        asked: Mask = out.modes.reshape(-1) != MODE_INTRA
        kept = asked & (fields.modes.reshape(-1) != Mode.SKIP)
        for depth, side in enumerate(MERGE_SIDES):
            grid = merge_grid(*out.modes.shape, side)
            here = grid.count(asked) > 0
            fixed = SQUARE.index(
                depth=depth,
                frame_class=context.frame_class,
                references=context.agreeing([grid.count(plane) > 0 for plane in coded]),
                moving=grid.count(moving) > 0,
            )
            eligible, values = here.copy(), (grid.count(kept) > 0).astype(np.int64)
            for second in (False, True):
                squares = np.flatnonzero(eligible & (grid.second_pass == second))
                if not len(squares):
                    continue
                ids = fixed[squares] + SQUARE.part(
                    second_pass=int(second), neighbours=grid.neighbours(here)[squares]
                )
                symbols = io.code(
                    self.tables["square"], ids, values[squares], grid.leaders[squares]
                )
                here[squares] = symbols
            asked &= here[grid.square_of]
        return asked
