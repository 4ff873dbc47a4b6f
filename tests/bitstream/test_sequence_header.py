"""The sequence header: its bytes, every range, and what a decoder derives from it."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitstream.errors import (
    BitstreamError,
    FieldError,
    TruncatedStreamError,
    UnsupportedVersionError,
)
from bitstream.fields import ByteReader
from bitstream.sequence_header import NEWEST_VERSION, ColourDescription, SequenceHeader

GOLDEN = (
    "4c564944 01 03"  # magic, version, flags: lossy, may contain generated content
    "0780 0438"  # 1920×1080
    "01 0d 06 01"  # primaries, transfer, matrix, full range
    "000a 000b 03"  # sample aspect ratio 10:11, three quarter turns
    "00000001 00015f90"  # ticks of 1/90000 s
    "00007530 000003e9"  # 30000/1001 frames per second
    "04 03 01"  # channels, stride, block
    "3f 00fa 09"  # crf, gop size, preset
    "05 74c3a97374"  # "tést"
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
)


def golden_header() -> SequenceHeader:
    return SequenceHeader(
        format_version=1,
        width=1920,
        height=1080,
        colour=ColourDescription(primaries=1, transfer=13, matrix=6, full_range=True),
        sample_aspect_ratio=Fraction(10, 11),
        rotation=3,
        time_base=Fraction(1, 90000),
        frame_rate=Fraction(30000, 1001),
        latent_channels=4,
        latent_stride_log2=3,
        block_log2=1,
        crf=63,
        gop_size=250,
        preset=9,
        model_name="tést",
        model_sha256=bytes(range(32)).hex(),
        generated_content=True,
    )


def parse(data: bytes) -> SequenceHeader:
    return SequenceHeader.parse(ByteReader(data))


def test_golden_bytes() -> None:
    data = bytes.fromhex(GOLDEN)
    assert golden_header().to_bytes() == data
    assert parse(data) == golden_header()


def test_unknown_values_have_defaults(header: SequenceHeader) -> None:
    assert header.colour == ColourDescription(2, 2, 2, False)
    assert header.to_bytes()[14:19].hex() == "0000000100", "sample aspect ratio 0/1, no rotation"
    assert parse(header.to_bytes()) == header


fractions = st.builds(Fraction, st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1))
headers = st.builds(
    SequenceHeader,
    format_version=st.integers(1, NEWEST_VERSION),
    width=st.integers(1, 8192),
    height=st.integers(1, 8192),
    colour=st.builds(
        ColourDescription,
        st.integers(0, 255),
        st.integers(0, 255),
        st.integers(0, 255),
        st.booleans(),
    ),
    sample_aspect_ratio=st.builds(Fraction, st.integers(0, 65535), st.integers(1, 65535)),
    rotation=st.integers(0, 3),
    time_base=fractions,
    frame_rate=st.just(Fraction(0)) | fractions,
    latent_channels=st.integers(1, 64),
    block_log2=st.integers(0, 3),
    crf=st.integers(0, 63),
    gop_size=st.integers(1, 65535),
    preset=st.integers(0, 9),
    model_name=st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=16),
    model_sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    generated_content=st.booleans(),
)


@given(headers)
def test_round_trip(built: SequenceHeader) -> None:
    reader = ByteReader(built.to_bytes() + b"rest")
    assert SequenceHeader.parse(reader) == built
    assert reader.take("rest", 4) == b"rest"


@given(st.data())
def test_any_bytes_give_a_header_or_an_error(data: st.DataObject) -> None:
    raw = bytearray(bytes.fromhex(GOLDEN))
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    reader = ByteReader(raw)
    try:
        parsed = SequenceHeader.parse(reader)
    except BitstreamError:
        return
    assert parsed.to_bytes() == raw[: reader.offset]


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_magic(data: bytes) -> None:
    with contextlib.suppress(BitstreamError):
        parse(b"LVID\x01\x01" + data)


def test_every_truncation_is_reported() -> None:
    data = bytes.fromhex(GOLDEN)
    for length in range(len(data)):
        with pytest.raises(TruncatedStreamError):
            parse(data[:length])


@pytest.mark.parametrize(
    ("offset", "raw", "field"),
    [
        (0, "4d", "magic"),
        (4, "00", "format_version"),
        (5, "02", "flags"),
        (5, "05", "flags"),
        (6, "0000", "width"),
        (6, "4001", "width"),
        (6, "40004000", "width"),  # 2^28 pixels
        (8, "0000", "height"),
        (13, "02", "full_range"),
        (14, "00000000", "sample_aspect_ratio.den"),
        (14, "00020004", "sample_aspect_ratio"),
        (18, "04", "rotation"),
        (19, "00000000", "time_base.num"),
        (19, "0000000200000032", "time_base"),
        (27, "0000000000000002", "frame_rate"),
        (35, "00", "latent_channels"),
        (35, "41", "latent_channels"),
        (36, "04", "latent_stride_log2"),
        (37, "04", "block_log2"),
        (38, "40", "crf"),
        (39, "0000", "gop_size"),
        (41, "0a", "preset"),
        (42, "00", "model_name.length"),
        (42, "41", "model_name.length"),
        (43, "0a", "model_name"),
        (43, "ff", "model_name"),
    ],
)
def test_values_out_of_range_name_the_field_and_its_offset(
    offset: int, raw: str, field: str
) -> None:
    data = bytearray(bytes.fromhex(GOLDEN))
    replacement = bytes.fromhex(raw)
    data[offset : offset + len(replacement)] = replacement
    with pytest.raises(FieldError) as caught:
        SequenceHeader.parse(ByteReader(b"?" + bytes(data), offset=1))
    expected = 1 + {"sample_aspect_ratio.den": 16, "model_name": 42}.get(field, offset)
    assert (caught.value.field, caught.value.offset) == (field, expected)
    assert str(caught.value).startswith(f"field {field} at byte {expected}: ")


def test_a_newer_version_says_what_to_do() -> None:
    data = bytearray(bytes.fromhex(GOLDEN))
    data[4] = 3
    with pytest.raises(
        UnsupportedVersionError,
        match=r"newer version \(format 3, this program reads 2\): upgrade videocodec",
    ):
        parse(bytes(data))


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("width", 0, "width"),
        ("width", 352.0, "width"),
        ("height", 16385, "height"),
        ("colour", ColourDescription(primaries=256), "primaries"),
        ("sample_aspect_ratio", Fraction(70000, 1), "sample_aspect_ratio.num"),
        ("rotation", 90, "rotation"),
        ("time_base", Fraction(0), "time_base.num"),
        ("time_base", Fraction(1, 2**32), "time_base.den"),
        ("frame_rate", Fraction(-25), "frame_rate.num"),
        ("latent_channels", 65, "latent_channels"),
        ("latent_stride_log2", 2, "latent_stride_log2"),
        ("crf", 64, "crf"),
        ("gop_size", 0, "gop_size"),
        ("preset", -1, "preset"),
        ("model_name", "", "model_name"),
        ("model_name", "é" * 33, "model_name"),
        ("model_name", "a\nb", "model_name"),
        ("model_name", "\ud800", "model_name"),
        ("model_sha256", "AB" * 32, "model_sha256"),
        ("model_sha256", "ab", "model_sha256"),
    ],
)
def test_building_checks_the_same_ranges(
    header: SequenceHeader, field: str, value: object, named: str
) -> None:
    with pytest.raises(FieldError) as caught:
        replace(header, **{field: value})
    assert caught.value.field == named


@pytest.mark.parametrize(
    ("width", "height", "block_log2", "latent"),
    [
        (352, 288, 1, (44, 36)),
        (1, 1, 1, (2, 2)),
        (353, 304, 1, (46, 38)),
        (33, 65, 3, (8, 16)),
        (9, 8, 0, (2, 1)),
    ],
)
def test_latent_size_is_whole_blocks(
    header: SequenceHeader, width: int, height: int, block_log2: int, latent: tuple[int, int]
) -> None:
    sized = replace(header, width=width, height=height, block_log2=block_log2)
    assert (sized.latent_width, sized.latent_height) == latent
    assert (sized.padded_width, sized.padded_height) == (8 * latent[0], 8 * latent[1])
