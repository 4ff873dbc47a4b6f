"""Plans of frames whose blocks want quantisers of their own.

A version of the format with local quantisers has one for every square of 64 px, as fine as the
finest of its blocks wants; another has one for the frame.  Errors in blocks that could be coarser
than that count so much less that these cost about what they would: an error counts half for every 6
indices, since the step doubles every 12, and squared errors with its square.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from bitstream.formats import format_of
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.quantiser import QUANTISER_COUNT
from bitstream.v2.local_quantisers import LARGEST_OFFSET

from ..guard import SQUARE
from .frame_plan import FramePlan
from .importance import WEIGHTS, nearest_class

_HALVING = 6  # quantiser indices by which an error counts half


def with_quantisers(
    plan: FramePlan, wanted: npt.NDArray[np.int64], header: SequenceHeader
) -> FramePlan:
    """A plan whose blocks (bh, bw) have the quantisers that they want, or finer ones with weights.

    Quantisers of the plan's own squares, if it has some, are replaced.
    """
    wanted = np.clip(wanted, 0, QUANTISER_COUNT - 1)
    if format_of(header.format_version).has_local_quantisers:
        side = SQUARE // header.block_size
        squares = _least_of_squares(wanted, side)
        quantiser = min(plan.quantiser, int(squares.min()) + LARGEST_OFFSET)
        offsets = np.minimum(squares - quantiser, LARGEST_OFFSET)
        plan = replace(plan, quantiser=quantiser, offsets=offsets)
        local = quantiser + of_blocks(offsets, side, wanted.shape)
    else:
        quantiser = min(plan.quantiser, int(wanted.min()))
        plan = replace(plan, quantiser=quantiser)
        local = np.full(wanted.shape, quantiser)
    if (local != wanted).any():
        weights = WEIGHTS[plan.classes] * np.exp2((local - wanted) / _HALVING)
        plan = replace(plan, classes=nearest_class(weights))
    return plan


def local_quantisers(plan: FramePlan, header: SequenceHeader) -> npt.NDArray[np.int64]:
    """Of every block of a plan, (bh, bw)."""
    grid = header.block_rows, header.block_columns
    quantisers = np.full(grid, plan.quantiser)
    if plan.offsets is not None:
        quantisers += of_blocks(plan.offsets, SQUARE // header.block_size, grid)
    return quantisers


def of_blocks(
    squares: npt.NDArray[np.int64], side: int, grid: tuple[int, ...]
) -> npt.NDArray[np.int64]:
    """What squares of so many blocks a side have, for every block of a grid; 0 beyond the last."""
    blocks = squares.repeat(side, 0).repeat(side, 1)
    missing = [(0, max(0, n - m)) for n, m in zip(grid, blocks.shape, strict=True)]
    return np.pad(blocks, missing)[: grid[0], : grid[1]]


def _least_of_squares(blocks: npt.NDArray[np.int64], side: int) -> npt.NDArray[np.int64]:
    rows, columns = (np.arange(0, size, side) for size in blocks.shape)
    least: npt.NDArray[np.int64] = np.minimum.reduceat(
        np.minimum.reduceat(blocks, rows, axis=0), columns, axis=1
    )
    return least
