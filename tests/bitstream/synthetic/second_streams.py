"""Random valid streams of format version 2.

The tables come from who asks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bitstream.group_structure import FrameReference
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.frame_coder import LatentFrame
from bitstream.v1.symbol_coder import SymbolWriter
from bitstream.v2.frame_coder import InterChoices
from bitstream.v2.local_quantisers import LARGEST_OFFSET, square_grid
from bitstream.v2.tables import LevelTables

from .decisions import FieldsMaker
from .second_decisions import drawn_levels, mixed_fields
from .streams import MadeUnit, StreamMaker, UnitPlan, synthetic_header


def second_header(width: int, height: int, block_log2: int, channels: int) -> SequenceHeader:
    """Header of a stream; width, height in pixels."""
    return replace(synthetic_header(width, height, block_log2, channels), format_version=2)


@dataclass(frozen=True)
class SliceChoices:
    """How many slices and which offsets are drawn.

    counts: of keyframes in turn; after the last, and for -1, any number.
    offset_odds: one frame in so many has no local offsets; 0 for none that has.
    """

    counts: tuple[int, ...] = (-1,)
    offset_odds: int = 0


class SecondStreamMaker(StreamMaker):
    """Makes the access units of one stream in order, with random content."""

    def __init__(
        self,
        tables: LevelTables,
        header: SequenceHeader,
        seed: int,
        escape_odds: int = 150,
        fields: FieldsMaker = mixed_fields,
        levels: Any = drawn_levels,
        slices: SliceChoices = SliceChoices(),
    ) -> None:
        super().__init__(tables, header, seed, escape_odds, fields, levels)
        self._slices, self._keyframes = slices, 0
        self._before: np.ndarray | None = None  # offsets of the frame before

    def code_keyframe(self, io: SymbolWriter, quantiser: int) -> LatentFrame:
        """One with levels, slices and offsets that are drawn."""
        counts, some = self._slices.counts, len(self.tables.slices)
        count = counts[self._keyframes] if self._keyframes < len(counts) else -1
        self._keyframes += 1
        if count < 0:
            count = self._random.one(some + 1)
        offsets = self._offsets(quantiser)
        return self._coder.code_keyframe(io, quantiser, self._choose, count, offsets)

    def code_inter(
        self,
        io: SymbolWriter,
        quantiser: int,
        entry: FrameReference,
        references: tuple[Any, ...],
    ) -> LatentFrame:
        """One with blocks, levels, slices and offsets that are drawn."""
        grid = self.header.block_rows, self.header.block_columns
        fields = self._fields(self._random, *grid, len(references) == 2)
        some = len(self.tables.slices) + 1
        last = self._random.below(some, *grid)
        if self._random.one(4) == 0:
            last[:] = max(self._random.one(some), self._random.one(some))
        chosen = InterChoices(fields, self._choose, last, self._offsets(quantiser))
        return self._coder.code_inter(io, quantiser, entry, references, chosen)

    def _offsets(self, quantiser: int) -> np.ndarray | None:
        """Of squares: few, on a slope, as before but for a step, or anything."""
        odds, random = self._slices.offset_odds, self._random
        if not odds or random.one(odds) == 0:
            return None
        squares = square_grid(self.header.latent_height, self.header.latent_width)
        anything, rows = random.around(LARGEST_OFFSET, *squares), np.indices(squares)
        few = np.where(random.below(4, *squares) > 0, 0, anything)
        slope = (random.around(3, 2, 1, 1) * rows).sum(0)
        before = self._before if self._before is not None else few
        offsets = (anything, few, slope, before + random.around(2, 1, 1))[random.one(4)]
        lowest, highest = max(-LARGEST_OFFSET, -quantiser), min(LARGEST_OFFSET, 127 - quantiser)
        self._before = np.clip(offsets, lowest, highest)
        return self._before


def make_second_stream(
    tables: LevelTables,
    header: SequenceHeader,
    plans: tuple[UnitPlan, ...],
    seed: int,
    escape_odds: int = 150,
    slices: SliceChoices = SliceChoices(),
) -> tuple[MadeUnit, ...]:
    """A stream of random content."""
    maker = SecondStreamMaker(tables, header, seed, escape_odds, slices=slices)
    return tuple(maker.make(plan) for plan in plans)
