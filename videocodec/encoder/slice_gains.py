"""What levels of an inter frame are worth: by coding all of them on trial, or by estimate, where
that would take too long.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bitstream.v1.symbol_coder import SymbolWriter
from bitstream.v2.frame_coder import FrameCoder
from bitstream.v2.inter_levels import InterScene
from bitstream.v2.local_quantisers import Offsets

from .block_costs import RateEstimates
from .conditional_quantiser import ConditionalQuantiser

_ROUNDING = 0.35  # at the usual λ a level is worth its bits from 0.65 steps on


def gains_of_trial(
    coder: FrameCoder,
    scene: InterScene,
    trial: ConditionalQuantiser,
    slices: int,
    offsets: Offsets | None,
) -> npt.NDArray[np.float64]:
    """``ConditionalQuantiser.gains`` of ``trial``, where coded blocks have so many slices.  The
    coder stays as it is.
    """
    everything = np.full(scene.coded.shape, slices)
    levels, of_squares = coder.inter.levels.copy(), coder.offsets.copy()
    levels.code(SymbolWriter(), of_squares, scene, trial, everything, offsets)
    return trial.gains


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
