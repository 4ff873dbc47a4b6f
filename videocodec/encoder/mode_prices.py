"""What modes take in bits, by the tables that they will be coded under."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.block_lattice import StageKind
from bitstream.v1.merged_blocks import count_around, merge_grid
from bitstream.v2.block_elements import MERGE_SIDES, MODE, SQUARE
from bitstream.v2.block_syntax import BlockCoder

Bits = npt.NDArray[np.float64]


def residual_bits(coder: BlockCoder, context: BlockContext, fields: BlockFields) -> Bits:
    """How many bits more every block takes, (bh, bw), if it is coded than if it is skipped, where
    all others are as ``fields`` says.

    Contexts are those of a block whose direct neighbours are known, which most are.
    """
    size = fields.modes.shape
    kept, coded = fields.modes != Mode.SKIP, fields.coded
    moving = np.asarray(fields.vectors.any((0, -1)))
    references = [reference.fields.coded for reference in context.references]
    with_others = _others(kept, 2) > 0
    ids = MODE.index(
        frame_class=context.frame_class,
        stage=int(StageKind.EDGE),
        references=context.agreeing(references),
        moving=moving,
        square=1 + with_others,
        neighbours=count_around(coded),
    )
    costs = coder.tables["mode"].costs[ids]
    bits: Bits = costs[..., Mode.RESIDUAL] - costs[..., Mode.SKIP]
    # Alone in its square, a block has the modes of the others coded as well.
    bits += np.where(~with_others, 4 * costs[..., Mode.SKIP], 0.0)
    tables = coder.tables["square"].costs
    for depth, side in reversed(list(enumerate(MERGE_SIDES))):
        alone = _others(kept, side) == 0
        grid = merge_grid(*size, side)
        ids = SQUARE.index(
            depth=depth,
            frame_class=context.frame_class,
            second_pass=1,
            references=context.agreeing(
                [grid.count(plane.reshape(-1)) > 0 for plane in references]
            ),
            moving=grid.count(moving.reshape(-1)) > 0,
            neighbours=grid.neighbours(grid.count(kept.reshape(-1)) > 0),
        )
        flags = (tables[ids, 1] - tables[ids, 0])[grid.square_of].reshape(size)
        skipped = (3 * tables[ids, 0])[grid.square_of].reshape(size) if side > 2 else 0.0
        bits += np.where(alone, flags + skipped, 0.0)
    return bits


def _others(kept: npt.NDArray[np.bool_], side: int) -> npt.NDArray[np.int64]:
    """How many other blocks of every block's square are set, (bh, bw)."""
    grid = merge_grid(*kept.shape, side)
    others: npt.NDArray[np.int64] = grid.count(kept.reshape(-1))[grid.square_of].reshape(
        kept.shape
    ) - kept.astype(np.int64)
    return others


def last_slice_bits(costs: Bits, last: npt.NDArray[np.int64], coded: npt.NDArray[np.bool_]) -> Bits:
    """Bits of every number of slices in every block, (S + 1, bh, bw), where the blocks around it
    have as many as ``last`` says; costs (S + 3, S + 1): of the tables of ``last_slice``.
    """
    padded, count = np.pad(last * coded, 1), np.pad(coded.astype(np.int64), 1)
    total, known = (
        plane[:-2, 1:-1] + plane[2:, 1:-1] + plane[1:-1, :-2] + plane[1:-1, 2:]
        for plane in (padded, count)
    )
    mean = (2 * total + known) // np.maximum(2 * known, 1)
    ids = np.where(known > 0, 1 + mean, len(costs) - 1)
    return np.moveaxis(costs[ids], -1, 0)
