"""Fields at their limits, every group size and quantiser, and legal forms no encoder writes."""

from __future__ import annotations

import zlib
from fractions import Fraction

from bitstream.access_unit import AccessUnit
from bitstream.fields import ByteWriter
from bitstream.group_structure import Structure
from bitstream.sequence_header import ColourDescription

from ...bitstream.synthetic import UnitPlan
from .scenario import Scenario, chain, hierarchy, key


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

LIMITS = {
    "extremes": Scenario(
        "the finest and the coarsest quantiser, latents and levels at their limits",
        64,
        48,
        1,
        10,
        (key(0), chain(127, 0), hierarchy(0, 127, 12, 11), key(127), chain(60)),
    ),
    "one_pixel": Scenario(
        "a picture of one pixel, a block of 32 px",
        1,
        1,
        2,
        50,
        (key(30), hierarchy(33, 35), chain(31)),
    ),
    "hierarchies_of_1_to_16": Scenario(
        "groups of every size in a hierarchy",
        48,
        32,
        1,
        60,
        (key(24), *(hierarchy(*(32,) * n) for n in range(1, 17))),
    ),
    "chains_of_1_to_16": Scenario(
        "groups of every size in a chain",
        32,
        32,
        1,
        60,
        (key(24), *(chain(*(32,) * n) for n in range(1, 17))),
    ),
    "quantisers": Scenario(
        "every quantiser there is",
        16,
        16,
        0,
        40,
        (key(64), *(chain(*range(start, start + 16)) for start in range(0, 128, 16))),
    ),
    "motion": Scenario(
        "many small blocks with vectors of every phase, beyond every edge",
        160,
        128,
        0,
        400,
        (key(40), *(hierarchy(*(44,) * 4),) * 2),
    ),
    "times": Scenario(
        "a negative first time, durations of up to 2^40 ticks, the finest time base",
        24,
        24,
        0,
        60,
        (
            key(30),
            hierarchy(34, 36, 36, durations=(1, 2**39, 300)),
            UnitPlan(Structure.KEYFRAME, (31,), (2**40,)),
            chain(34, 34, durations=(127, 128)),
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
        (key(30), chain(33), key(35), hierarchy(36, 38), key(20)),
        headers=tuple(header | {"time_base": Fraction(1001, 30000)} for header in _HEADERS),
    ),
    "uncanonical": Scenario(
        "fields in legal forms that no encoder chooses, and payload after the last symbol",
        56,
        40,
        1,
        60,
        (key(30), chain(33, 33, 33), hierarchy(31, 35, 127, 0)),
        as_bytes=uncanonical,
    ),
}
