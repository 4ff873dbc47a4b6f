"""What the files of the corpus hold: streams of random decisions, the same bytes on every machine,
and streams of the real encoder.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from bitstream.access_unit import AccessUnit
from bitstream.fields import ByteWriter
from bitstream.group_structure import Structure
from bitstream.sequence_header import ColourDescription, SequenceHeader

from ..bitstream.synthetic import (
    FieldsMaker,
    LevelsMaker,
    UnitPlan,
    counted_fields,
    levels_after,
    no_levels,
    random_fields,
    random_levels,
    scattered_fields,
    still_fields,
    wide_levels,
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


def _key(quantiser: int) -> UnitPlan:
    return UnitPlan(Structure.KEYFRAME, (quantiser,))


def _chain(*quantisers: int, durations: tuple[int, ...] | None = None) -> UnitPlan:
    return UnitPlan(Structure.CHAIN, quantisers, durations)


def _hierarchy(*quantisers: int, durations: tuple[int, ...] | None = None) -> UnitPlan:
    return UnitPlan(Structure.HIERARCHY, quantisers, durations)


def uncanonical(unit: AccessUnit) -> bytes:
    """The same unit as no encoder writes it, and every decoder reads it: every duration, every
    quantiser as an offset to another base, and words after the last symbol.
    """
    plain, writer = unit.to_bytes(), ByteWriter()
    writer.uint("structure", 1, unit.structure | 0x80)
    if unit.header is not None:
        writer.put(unit.header.to_bytes())
    writer.uint("frame_count", 1, unit.frame_count - 1)
    writer.signed_varint("first_pts", unit.first_pts)
    writer.uint("uniform", 1, 0)
    for duration in unit.durations:
        writer.varint("duration", duration)
    base = 64
    writer.uint("quantiser", 1, base)
    for quantiser in unit.quantisers:
        writer.int8("quantiser_offset", quantiser - base)
    writer.uint("latent_checksum", 4, unit.latent_checksum)
    writer.put(unit.payload + b"\xff\x00\x55\xaa" * 3)
    writer.uint("checksum", 4, zlib.crc32(writer.to_bytes()))
    assert AccessUnit.parse(writer.to_bytes()).quantisers == AccessUnit.parse(plain).quantisers
    return writer.to_bytes()


_NAME = "modèle ✓ " + "x" * 52  # 64 bytes
_HEADERS = (
    {
        "colour": ColourDescription(9, 16, 9, True),
        "sample_aspect_ratio": Fraction(65535, 65534),
        "rotation": 3,
        "frame_rate": Fraction(2**32 - 1, 2**32 - 2),
        "crf": 63,
        "gop_size": 65535,
        "preset": 9,
        "model_name": _NAME,
    },
    {
        "colour": ColourDescription(255, 0, 255),
        "rotation": 1,
        "frame_rate": Fraction(0),
        "crf": 0,
        "gop_size": 1,
        "preset": 0,
    },
    {"rotation": 2, "sample_aspect_ratio": Fraction(16, 11), "generated_content": False},
)

SCENARIOS = {
    "keyframes": Scenario(
        "keyframes alone, the smallest thing there is", 72, 40, 1, 150, (_key(16), _key(52))
    ),
    "chain": Scenario(
        "groups in a chain, quantisers that differ in a group",
        120,
        72,
        1,
        150,
        (_key(24), _chain(*(30,) * 4), _chain(32, 28, 36, 31, 30)),
    ),
    "hierarchy": Scenario(
        "groups in a hierarchy, of 16 too, uneven durations",
        144,
        96,
        1,
        300,
        (
            _key(20),
            _hierarchy(24, 28, 30, 30, 33, 33, 33, 33),
            _hierarchy(*(30,) * 16),
            _hierarchy(26, 29, 31, durations=(1, 3, 700)),
        ),
    ),
    "everything": Scenario(
        "blocks of 8 px, an odd size, many escapes, two keyframes",
        101,
        83,
        0,
        20,
        (
            _key(16),
            _chain(28, 29, 30),
            _hierarchy(24, 27, 30, 30, 31),
            _key(40),
            _hierarchy(26, 28, 28, 31, 31, 31, 31),
            _hierarchy(33),
        ),
    ),
    "one_position": Scenario(
        "a picture of one latent position",
        5,
        8,
        0,
        20,
        (_key(20), _chain(30, 30), _hierarchy(30, 32, 34)),
    ),
    "one_row": Scenario(
        "a picture one latent high",
        200,
        7,
        0,
        100,
        (_key(22), _chain(30, 29), _hierarchy(30, 32, 34, 34)),
    ),
    "one_column": Scenario(
        "a picture one block wide",
        16,
        180,
        1,
        100,
        (_key(22), _chain(30, 29), _hierarchy(30, 32, 34, 34)),
    ),
    "large_blocks": Scenario(
        "blocks of 64 px", 130, 70, 3, 150, (_key(18), _chain(28, 28), _hierarchy(26, 28, 30, 30))
    ),
    "extremes": Scenario(
        "the finest and the coarsest quantiser, latents and levels at their limits",
        64,
        48,
        1,
        10,
        (_key(0), _chain(127, 0), _hierarchy(0, 127, 12, 11), _key(127), _chain(60)),
    ),
    "one_pixel": Scenario(
        "a picture of one pixel, a block of 32 px",
        1,
        1,
        2,
        50,
        (_key(30), _hierarchy(33, 35), _chain(31)),
    ),
    "hierarchies_of_1_to_16": Scenario(
        "groups of every size in a hierarchy",
        48,
        32,
        1,
        60,
        (_key(24), *(_hierarchy(*(32,) * n) for n in range(1, 17))),
    ),
    "chains_of_1_to_16": Scenario(
        "groups of every size in a chain",
        32,
        32,
        1,
        60,
        (_key(24), *(_chain(*(32,) * n) for n in range(1, 17))),
    ),
    "quantisers": Scenario(
        "every quantiser there is",
        16,
        16,
        0,
        40,
        (_key(64), *(_chain(*range(start, start + 16)) for start in range(0, 128, 16))),
    ),
    "motion": Scenario(
        "many small blocks with vectors of every phase, beyond every edge",
        160,
        128,
        0,
        400,
        (_key(40), *(_hierarchy(*(44,) * 4),) * 2),
    ),
    "times": Scenario(
        "a negative first time, durations of up to 2^40 ticks, the finest time base",
        24,
        24,
        0,
        60,
        (
            _key(30),
            _hierarchy(34, 36, 36, durations=(1, 2**39, 300)),
            UnitPlan(Structure.KEYFRAME, (31,), (2**40,)),
            _chain(34, 34, durations=(127, 128)),
        ),
        headers=({"time_base": Fraction(1, 2**32 - 1)},) * 2,
        first_pts=-(2**33),
    ),
    "headers": Scenario(
        "header fields at their limits, and ones that change from keyframe to keyframe",
        40,
        24,
        1,
        60,
        (_key(30), _chain(33), _key(35), _hierarchy(36, 38), _key(20)),
        headers=tuple(header | {"time_base": Fraction(1001, 30000)} for header in _HEADERS),
    ),
    "uncanonical": Scenario(
        "fields in legal forms that no encoder chooses, and payload after the last symbol",
        56,
        40,
        1,
        60,
        (_key(30), _chain(33, 33, 33), _hierarchy(31, 35, 127, 0)),
        as_bytes=uncanonical,
    ),
    "sixteen_channels": Scenario(
        "16 channels in 5 slices",
        80,
        56,
        1,
        100,
        (_key(24), _hierarchy(30, 32, 34, 34), _chain(31, 31)),
        model="sixteen",
    ),
    "one_channel": Scenario(
        "1 channel",
        100,
        60,
        1,
        60,
        (_key(24), _hierarchy(30, 32, 34, 34), _chain(31, 31)),
        model="one",
    ),
    "halved_counts": Scenario(
        "so many symbols under one table that counts are halved",
        512,
        512,
        0,
        1 << 20,
        (_key(60), _chain(*(60,) * 16), _chain(*(60,) * 5)),
        model="one",
        fields=still_fields,
        levels=no_levels,
    ),
    "levels": Scenario(
        "every symbol of a level alike, and the largest levels",
        96,
        64,
        1,
        300,
        (_key(20), _key(0), _chain(20, 30)),
        levels=wide_levels,
    ),
    "scattered": Scenario(
        "blocks that have nothing in common with their neighbours",
        160,
        128,
        0,
        1 << 20,
        (_key(70), _hierarchy(72, 72, 72, 72), _chain(70)),
        model="one",
        fields=scattered_fields,
    ),
    "steep_networks": Scenario(
        "context networks whose hidden values and means go beyond their limits",
        72,
        56,
        1,
        100,
        (_key(30), _hierarchy(36, 38, 40, 40), _chain(40, 60)),
        model="steep",
        added=1,
    ),
    "counts_at_their_limit": Scenario(
        "counts of one table that add up to the limit, then to one symbol more",
        512,
        512,
        0,
        1 << 20,
        (_key(60), _chain(*(60,) * 16), _chain(*(60,) * 4)),
        model="flat",
        make_fields=lambda: counted_fields(*(4096,) * 15, 3840, 1),
        levels=levels_after(4096 + 15 * 4096 + 3840),
        added=1,
    ),
}


@dataclass(frozen=True)
class Encoding:
    """A file of the real encoder: a moving scene of so many frames, and the settings it is encoded
    with.
    """

    about: str
    model: str
    width: int
    height: int
    frames: int
    settings: dict
    pts: tuple[int, ...] | None = None  # ticks of 1/25 s; None: one a frame
    tracks: bool = False  # sound and subtitles


ENCODINGS = {
    "encoded": Encoding(
        "groups of 16, three keyframes, sound and subtitles",
        "sixteen",
        80,
        56,
        36,
        {"crf": 30, "gop_size": 17},
        tracks=True,
    ),
    "encoded_crf_0": Encoding("the finest quality", "four", 72, 56, 10, {"crf": 0}),
    "encoded_crf_63": Encoding("the coarsest quality", "sixteen", 112, 88, 18, {"crf": 63}),
    "encoded_uneven": Encoding(
        "an odd size and uneven times that begin late",
        "four",
        101,
        67,
        12,
        {"crf": 24},
        pts=(7, 8, 11, 12, 13, 20, 21, 60, 61, 62, 70, 99),
    ),
    "encoded_chains": Encoding(
        "chains, as the fastest preset makes them",
        "sixteen",
        64,
        48,
        20,
        {"crf": 26, "preset": "ultrafast"},
    ),
    "encoded_slow": Encoding(
        "every tool of a slow preset", "four", 160, 128, 17, {"crf": 34, "preset": "slower"}
    ),
    "encoded_all_intra": Encoding("keyframes alone", "one", 64, 48, 5, {"crf": 20, "gop_size": 1}),
    "encoded_with_its_model": Encoding(
        "the model attached to the file", "one", 88, 72, 18, {"crf": 28, "embed_model": True}
    ),
}


def header_of(scenario: Scenario, keyframe: int, usual: SequenceHeader) -> SequenceHeader:
    """The header of a stream's keyframe by its number."""
    return replace(usual, **scenario.headers[keyframe]) if scenario.headers else usual
