"""What levels of an inter frame are worth: by coding on trial all that may be worth something, or
by estimate, where that would take too long.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v2.frame_coder import FrameCoder, InterState
from bitstream.v2.inter_levels import InterScene
from bitstream.v2.local_quantisers import Offsets

from .block_costs import RateEstimates
from .conditional_quantiser import ConditionalQuantiser
from .mode_prices import last_slice_bits, residual_bits
from .symbol_counter import SymbolCounter

_ROUNDS = 2  # of choosing modes, each first in every other block
_HOPELESS = 0.5  # steps: slices beyond the last one that has as much are not tried
_ROUNDING = 0.35  # at the usual λ a level is worth its bits from 0.65 steps on


def gains_of_trial(
    coder: FrameCoder,
    scene: InterScene,
    trial: ConditionalQuantiser,
    most: npt.NDArray[np.int64],
    offsets: Offsets | None,
) -> npt.NDArray[np.float64]:
    """``ConditionalQuantiser.gains`` of ``trial``, where coded blocks have as many slices as
    ``most`` (bh, bw) says.  The coder stays as it is.
    """
    levels, of_squares = coder.inter.levels.copy(), coder.offsets.copy()
    levels.code(SymbolCounter(), of_squares, scene, trial, most, offsets)
    return trial.gains


def most_slices(
    target: npt.NDArray[np.floating], slices: Sequence[int], block: int
) -> npt.NDArray[np.int64]:
    """How many slices every block has at most that are worth a trial, (bh, bw); target (C, h, w):
    what values should be, in steps; slices: their channels.
    """
    firsts = np.cumsum([0, *slices[:-1]])
    largest = np.maximum.reduceat(np.abs(target), firsts, axis=0) >= _HOPELESS
    numbers = np.arange(1, len(slices) + 1)[:, None, None]
    most = (largest * numbers).max(0)
    height, width = most.shape
    by_block = most.reshape(height // block, block, width // block, block)
    found: npt.NDArray[np.int64] = by_block.max((1, 3))
    return found


def estimated_gains(
    target: npt.NDArray[np.floating],
    counted: npt.NDArray[np.floating],
    lagrangian: float,
    rates: RateEstimates,
) -> npt.NDArray[np.float32]:
    """By how much less than values of 0 that are not sent every sample (C, h, w) would cost as a
    level, as ``ConditionalQuantiser.gains`` has it.

    target: what values should be, in steps; counted: what their squared errors count.  Bits are
    those of ``RateEstimates.levels``.
    """
    zero, nonzero, slope = (np.float32(lagrangian * bits) for bits in rates.levels)
    weights = counted.astype(np.float32)
    distance = np.abs(target, dtype=np.float32, casting="unsafe")
    level = np.floor(distance + np.float32(_ROUNDING))
    bits = nonzero + slope * np.log2(np.maximum(level, 1))
    saved = weights * (np.square(distance) - np.square(distance - level)) - bits
    gains: npt.NDArray[np.float32] = np.where(level > 0, np.maximum(saved, -zero), -zero)
    return gains


def worth_coding(
    state: InterState,
    context: BlockContext,
    fields: BlockFields,
    gains: npt.NDArray[np.floating],
    lagrangian: float,
) -> npt.NDArray[np.int64]:
    """How many slices pay in every block, (bh, bw), when modes are paid for as well; gains
    (S + 1, bh, bw): of so many.  Blocks in which none pays are skipped from now on.
    """
    costs = state.levels.last_slice.costs
    may, odd = fields.modes == Mode.RESIDUAL, np.indices(fields.modes.shape).sum(0) & 1
    last: npt.NDArray[np.int64] = np.where(fields.coded, gains.argmax(0), 0)
    for turn in range(_ROUNDS * 2):
        net = gains - lagrangian * last_slice_bits(costs, last, fields.coded)
        best = 1 + net[1:].argmax(0)
        worth = net[1:].max(0) > lagrangian * residual_bits(state.blocks, context, fields)
        now = may & (odd == turn % 2)
        fields.modes[now] = np.where(worth, Mode.RESIDUAL, Mode.SKIP)[now]
        last[now] = np.where(worth, best, 0)[now]
    intra = fields.modes == Mode.INTRA
    last[intra] = net.argmax(0)[intra]
    return last
