"""Frames that are finer or coarser in some regions (``regions.Region``).

Format version 1 has one quantiser for a frame.  A frame with finer regions gets the quantiser of
the finest, and errors in its other blocks count so much less that these cost about what they did;
in coarser regions errors count less.  An error counts half for every 6 indices, since the step
doubles every 12, and squared errors with its square.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from bitstream.sequence_header import SequenceHeader
from bitstream.v1.quantiser import QUANTISER_COUNT
from bitstream.v1.symbol_coder import SymbolWriter

from ..regions import Region
from .aiming import CodedVersion
from .frame_encoder import EncoderFrame, FrameEncoder, FramePlan
from .importance import WEIGHTS, nearest_class

_HALVING = 6  # quantiser indices by which an error counts half


class RegionFrames:
    """A ``FrameEncoder`` whose frames are finer or coarser in some regions.

    regions: in px of the pictures that are coded; where several lie over each other, the last one
    counts.
    """

    def __init__(
        self, frames: FrameEncoder, header: SequenceHeader, regions: Sequence[Region]
    ) -> None:
        self._frames, self._regions = frames, tuple(regions)
        self._grid, self._side = (header.block_rows, header.block_columns), header.block_size
        self._time_base = header.time_base

    def code(
        self, coder: Any, writer: SymbolWriter, frame: EncoderFrame, plan: FramePlan
    ) -> tuple[Any, CodedVersion]:
        """As ``FrameEncoder.code``."""
        return self._frames.code(coder, writer, frame, self.applied(plan, frame.pts))

    def applied(self, plan: FramePlan, pts: int) -> FramePlan:
        """A plan with the regions that hold at a time in ticks."""
        offsets = self.offsets(pts * self._time_base)
        if not offsets.any():
            return plan
        wanted = np.clip(plan.quantiser + offsets, 0, QUANTISER_COUNT - 1)
        quantiser = min(plan.quantiser, int(wanted.min()))
        weights = WEIGHTS[plan.classes] * np.exp2((quantiser - wanted) / _HALVING)
        return replace(plan, quantiser=quantiser, classes=nearest_class(weights))

    def offsets(self, seconds: Fraction) -> npt.NDArray[np.int64]:
        """(bh, bw) quantiser indices at a time: of every block that a region touches."""
        offsets = np.zeros(self._grid, dtype=np.int64)
        for region in self._regions:
            if region.begin <= seconds and (region.end is None or seconds < region.end):
                rows, columns = (
                    slice(int(begin // self._side), math.ceil((begin + length) / self._side))
                    for begin, length in ((region.y, region.height), (region.x, region.width))
                )
                offsets[rows, columns] = region.offset
        return offsets
