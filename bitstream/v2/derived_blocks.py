"""Which blocks of a frame move as the pictures of its references say, and say nothing themselves.

Section 10.1 of FORMAT-2.md: squares of one side after the other, large ones first, down to blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..v1.adaptive_tables import TableSet
from ..v1.block_context import BlockContext
from ..v1.block_fields import BlockFields, Mode
from ..v1.merged_blocks import MergeGrid, merge_grid
from ..v1.motion_vectors import keys_of
from ..v1.symbol_coder import SymbolReader, SymbolWriter
from .block_elements import DERIVED, DERIVED_SIDES, LEAF_CLASS

Mask = npt.NDArray[np.bool_]


@dataclass
class DerivableFields(BlockFields):
    """derived (bh, bw) bool: blocks with derived motion.  They are predicted from the average of
    both references, along vectors of their own, and belong to no merged square.
    """

    derived: Mask

    @classmethod
    def blank(cls, height: int, width: int, mode: Mode) -> DerivableFields:
        """As of any fields, without derived motion."""
        plain = BlockFields.blank(height, width, mode)
        return cls(**vars(plain), derived=np.zeros((height, width), dtype=bool))


def derived_in(fields: BlockFields) -> Mask:
    """(bh, bw): which blocks of fields have derived motion."""
    if isinstance(fields, DerivableFields):
        return fields.derived
    return np.zeros(fields.modes.shape, dtype=bool)


def code_derived(
    io: SymbolWriter | SymbolReader,
    tables: TableSet,
    wanted: Mask,
    context: BlockContext,
) -> Mask:
    """Code which blocks (bh, bw) have derived motion; ``wanted``: those of a writer."""
    derived = np.zeros(wanted.size, dtype=bool)
    values = wanted.reshape(-1)
    for side in DERIVED_SIDES:
        grid = merge_grid(*wanted.shape, side)
        found = _all_of(grid, derived)
        eligible = ~found & ((grid.size > 1) | (side == 1))
        fixed = fixed_contexts(grid, context)
        symbols = _all_of(grid, values).astype(np.int64)
        for second in (False, True):
            squares = np.flatnonzero(eligible & (grid.second_pass == second))
            if not len(squares):
                continue
            ids = fixed[squares] + DERIVED.part(
                second_pass=int(second), neighbours=grid.neighbours(found)[squares]
            )
            found[squares] = io.code(tables, ids, symbols[squares], grid.leaders[squares])
        derived |= found[grid.square_of]
    return derived.reshape(wanted.shape)


def fixed_contexts(grid: MergeGrid, context: BlockContext) -> npt.NDArray[np.int64]:
    """(n,): what the references say of the context of every square."""
    before = [derived_in(reference.fields).reshape(-1) for reference in context.references]
    return DERIVED.index(
        depth=DERIVED_SIDES.index(grid.side),
        leaf=int(context.frame_class == LEAF_CLASS),
        motion=_motion_class(grid, context),
        references=context.agreeing([_all_of(grid, plane) for plane in before]),
    )


def _all_of(grid: MergeGrid, blocks: Mask) -> Mask:
    """(n,): which squares have all their blocks set."""
    all_of: Mask = grid.count(blocks) == grid.size
    return all_of


def _motion_class(grid: MergeGrid, context: BlockContext) -> npt.NDArray[np.int64]:
    """(n,): 0 where temporal motion is 0 all over the square, 1 where it is the same, else 2."""
    keys = keys_of(context.temporal[0]).reshape(-1)
    moving = grid.count(keys != 0) > 0
    return moving * (2 - steady(grid, context).astype(np.int64))


def steady(grid: MergeGrid, context: BlockContext) -> Mask:
    """(n,): whether the temporal motion of every square is the same in all of its blocks."""
    first = keys_of(context.temporal[0]).reshape(-1)
    differs = first != first[grid.leaders][grid.square_of]
    same: Mask = grid.count(differs) == 0
    return same
