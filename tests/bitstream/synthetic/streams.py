"""Random valid streams.

The encoder here takes random decisions; it shares ``FrameCoder`` with the decoder and nothing with
the product's encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from bitstream.access_unit import AccessUnit
from bitstream.formats import format_of
from bitstream.group_structure import FrameReference, Structure, walk_group
from bitstream.latent_decoder import latent_checksum
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.frame_coder import FrameCoder, LatentFrame
from bitstream.v1.symbol_coder import SymbolWriter
from bitstream.v1.tables import CodecTables

from .decisions import FieldsMaker, LevelsMaker, random_fields, random_levels
from .integers import RawIntegers
from .tables import CHANNELS


def synthetic_header(
    width: int, height: int, block_log2: int = 1, channels: int = CHANNELS
) -> SequenceHeader:
    """Header of a stream for ``synthetic_tables``; width, height in pixels."""
    return SequenceHeader(
        format_version=1,
        width=width,
        height=height,
        time_base=Fraction(1, 25),
        frame_rate=Fraction(25),
        latent_channels=channels,
        block_log2=block_log2,
        crf=28,
        gop_size=250,
        preset=5,
        model_name="synthetic",
        model_sha256="5e" * 32,
        generated_content=True,
    )


@dataclass(frozen=True)
class UnitPlan:
    """One access unit to make; quantisers in coding order, one per frame."""

    structure: Structure
    quantisers: tuple[int, ...]
    durations: tuple[int, ...] | None = None  # display order; None: one tick each


@dataclass(frozen=True)
class MadeUnit:
    """An access unit and what decoding it must give, in display order."""

    unit: AccessUnit
    frames: tuple[LatentFrame, ...]


class StreamMaker:
    """Makes the access units of one stream in order, with random content."""

    def __init__(
        self,
        tables: CodecTables,
        header: SequenceHeader,
        seed: int,
        escape_odds: int = 150,
        fields: FieldsMaker = random_fields,
        levels: LevelsMaker = random_levels,
    ) -> None:
        self.tables, self.header = tables, header
        self._fields = fields
        self._random = RawIntegers(seed)
        self._choose = levels(self._random, escape_odds)
        self._coder: FrameCoder | None = None
        self._anchor: Any = None
        self._pts = 0

    def start_at(self, pts: int) -> None:
        """The timestamp of the next frame, ticks."""
        self._pts = pts

    def make(self, plan: UnitPlan) -> MadeUnit:
        """The next unit; the first must be a keyframe."""
        durations = plan.durations or (1,) * len(plan.quantisers)
        header, io = self.header, SymbolWriter()
        key = plan.structure == Structure.KEYFRAME
        if key:
            self._coder = format_of(header.format_version).new_coder(self.tables, header)
        empty = AccessUnit(
            plan.structure, header if key else None, self._pts, durations, plan.quantisers, 0, b""
        )
        quantisers = dict(zip(empty.references, plan.quantisers, strict=True))
        frames: dict[int, LatentFrame] = {}
        if not key:
            self._coder.start_unit()

        def code(entry: FrameReference, references: tuple[Any, ...]) -> Any:
            if references:
                frame = self.code_inter(io, quantisers[entry], entry, references)
            else:
                frame = self.code_keyframe(io, quantisers[entry])
            frames[entry.display_index] = frame
            return self._coder.reference(frame)

        self._anchor = walk_group(empty.references, self._anchor, code)[-1]
        ordered = tuple(frames[index] for index in range(len(durations)))
        self._pts += sum(durations)
        unit = AccessUnit(
            plan.structure,
            empty.header,
            empty.first_pts,
            durations,
            plan.quantisers,
            latent_checksum(ordered),
            io.finish(),
        )
        return MadeUnit(unit, ordered)

    def code_keyframe(self, io: SymbolWriter, quantiser: int) -> LatentFrame:
        """One with levels that are drawn."""
        return self._coder.code_keyframe(io, quantiser, self._choose)

    def code_inter(
        self,
        io: SymbolWriter,
        quantiser: int,
        entry: FrameReference,
        references: tuple[Any, ...],
    ) -> LatentFrame:
        """One with blocks and levels that are drawn."""
        fields = self._fields(self._random, *self._coder.blocks.grid, len(references) == 2)
        return self._coder.code_inter(io, quantiser, entry, references, fields, self._choose)


def make_stream(
    tables: CodecTables,
    header: SequenceHeader,
    plans: tuple[UnitPlan, ...],
    seed: int,
    escape_odds: int = 150,
) -> tuple[MadeUnit, ...]:
    """A stream of random content."""
    maker = StreamMaker(tables, header, seed, escape_odds)
    return tuple(maker.make(plan) for plan in plans)
