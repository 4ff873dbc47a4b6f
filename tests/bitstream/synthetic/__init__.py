"""Synthetic codec tables and random valid streams for tests: every feature of the format, the same
bytes on every machine.
"""

from __future__ import annotations

from .decisions import (
    FieldsMaker,
    LevelsMaker,
    counted_fields,
    levels_after,
    no_levels,
    random_fields,
    random_levels,
    scattered_fields,
    still_fields,
    wide_levels,
)
from .integers import RawIntegers
from .streams import MadeUnit, StreamMaker, UnitPlan, make_stream, synthetic_header
from .tables import (
    CHANNELS,
    SLICES,
    flat_tables,
    normalised,
    plain_tables,
    steep_tables,
    synthetic_tables,
)

__all__ = [
    "CHANNELS",
    "SLICES",
    "FieldsMaker",
    "LevelsMaker",
    "MadeUnit",
    "RawIntegers",
    "StreamMaker",
    "UnitPlan",
    "counted_fields",
    "flat_tables",
    "levels_after",
    "make_stream",
    "no_levels",
    "normalised",
    "plain_tables",
    "random_fields",
    "random_levels",
    "scattered_fields",
    "steep_tables",
    "still_fields",
    "synthetic_header",
    "synthetic_tables",
    "wide_levels",
]
