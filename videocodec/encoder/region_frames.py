"""Frames that are finer or coarser in some regions (``regions.Region``)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from bitstream.sequence_header import SequenceHeader
from bitstream.v1.symbol_coder import SymbolWriter

from ..regions import Region
from .aiming import CodedVersion
from .frame_encoder import FrameEncoder
from .frame_plan import EncoderFrame, FramePlan
from .local_plans import local_quantisers, with_quantisers


class RegionFrames:
    """A ``FrameEncoder`` whose frames are finer or coarser in some regions.

    regions: in px of the pictures that are coded; where several lie over each other, the last one
    counts.
    """

    def __init__(
        self, frames: FrameEncoder, header: SequenceHeader, regions: Sequence[Region]
    ) -> None:
        self._frames, self._header, self._regions = frames, header, tuple(regions)
        self._grid, self._side = (header.block_rows, header.block_columns), header.block_size
        self._time_base = header.time_base

    def code(
        self,
        coder: Any,
        writer: SymbolWriter,
        frame: EncoderFrame,
        plan: FramePlan,
        choices: Any | None = None,
    ) -> tuple[Any, CodedVersion]:
        """As ``FrameEncoder.code``."""
        return self._frames.code(coder, writer, frame, self.applied(plan, frame.pts), choices)

    def prices(self, coder: Any) -> Any | None:
        """As ``FrameEncoder.prices``."""
        return self._frames.prices(coder)

    def choices(self, prices: Any, frame: EncoderFrame, plan: FramePlan) -> Any:
        """As ``FrameEncoder.choices``."""
        return self._frames.choices(prices, frame, self.applied(plan, frame.pts))

    def applied(self, plan: FramePlan, pts: int) -> FramePlan:
        """A plan with the regions that hold at a time in ticks."""
        offsets = self.offsets(pts * self._time_base)
        if not offsets.any():
            return plan
        wanted = local_quantisers(plan, self._header) + offsets
        return with_quantisers(plan, wanted, self._header)

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
