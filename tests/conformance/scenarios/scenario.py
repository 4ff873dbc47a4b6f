"""What a scenario is, and the access units that it is written with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bitstream.access_unit import AccessUnit
from bitstream.group_structure import Structure
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.tables import CodecTables

from ...bitstream.synthetic import (
    FieldsMaker,
    LevelsMaker,
    StreamMaker,
    UnitPlan,
    random_fields,
    random_levels,
    synthetic_header,
)


@dataclass(frozen=True)
class Scenario:
    """A stream of random decisions.  headers: what the header of each keyframe has other than
    usual; as_bytes: how units are written; make_fields: makes a maker of block layers that
    remembers, one for each stream; added: 0 for what the version of the format began with, else
    when it was added to it.
    """

    about: str
    width: int
    height: int
    block_log2: int
    escape_odds: int
    plans: tuple[UnitPlan, ...]
    model: str = "four"
    headers: tuple[dict, ...] = ()
    first_pts: int = 0
    fields: FieldsMaker = random_fields
    make_fields: Callable[[], FieldsMaker] | None = None
    levels: LevelsMaker = random_levels
    as_bytes: Callable[[AccessUnit], bytes] = field(default=AccessUnit.to_bytes)
    added: int = 0

    def maker(self, tables: CodecTables, seed: int) -> StreamMaker:
        """What makes its stream."""
        header = synthetic_header(self.width, self.height, self.block_log2, tables.latent_channels)
        fields = self.make_fields() if self.make_fields else self.fields
        return StreamMaker(tables, header, seed, self.escape_odds, fields, self.levels)


def key(quantiser: int) -> UnitPlan:
    """A keyframe."""
    return UnitPlan(Structure.KEYFRAME, (quantiser,))


def chain(*quantisers: int, durations: tuple[int, ...] | None = None) -> UnitPlan:
    """A group in a chain, its frames in display order."""
    return UnitPlan(Structure.CHAIN, quantisers, durations)


def hierarchy(*quantisers: int, durations: tuple[int, ...] | None = None) -> UnitPlan:
    """A group in a hierarchy, its frames in display order."""
    return UnitPlan(Structure.HIERARCHY, quantisers, durations)


def header_of(scenario: Scenario, keyframe: int, usual: SequenceHeader) -> SequenceHeader:
    """The header of a stream's keyframe by its number."""
    return replace(usual, **scenario.headers[keyframe]) if scenario.headers else usual
