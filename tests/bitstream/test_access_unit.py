"""The access unit: its bytes, its checksum, and every field out of range."""

from __future__ import annotations

import contextlib
import zlib
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitstream.access_unit import MAX_DURATION, MAX_PTS, AccessUnit, peek_is_keyframe
from bitstream.errors import BitstreamError, ChecksumError, FieldError, TruncatedStreamError
from bitstream.group_structure import Structure, coding_order
from bitstream.sequence_header import SequenceHeader

KEYFRAME = (
    "00"  # keyframe
    "4c5649440101 01600120 02020200 0000 0001 00 00000001 00000019 00000019 00000001 100301"
    " 1c00fa05"
    "08 656d626564646564" + "ab" * 32 + "00 05 01 01"  # one frame, first_pts -3, uniform, 1 tick
    "28 12345678 616263"  # quantiser 40, latent checksum, payload
    "39f837e2"
)
GROUP = (
    "82"  # hierarchy, quantiser offsets follow
    "02 e0c508 00 01 01 8002"  # three frames, first_pts 70000, durations 1, 1, 256
    "28 00 05 fe"  # quantiser 40 and offsets 0, 5, -2
    "ffffffff 6162"  # latent checksum, payload
    "3af7be0a"
)


def group() -> AccessUnit:
    return AccessUnit(
        structure=Structure.HIERARCHY,
        header=None,
        first_pts=70000,
        durations=(1, 1, 256),
        quantisers=(40, 45, 38),
        latent_checksum=0xFFFFFFFF,
        payload=b"ab",
    )


def sealed(body: str | bytes) -> bytes:
    """With a checksum that holds."""
    body = bytes.fromhex(body) if isinstance(body, str) else body
    return body + zlib.crc32(body).to_bytes(4, "big")


def test_golden_keyframe(header: SequenceHeader) -> None:
    unit = AccessUnit(Structure.KEYFRAME, header, -3, (1,), (40,), 0x12345678, b"abc")
    assert unit.to_bytes().hex() == bytes.fromhex(KEYFRAME).hex()
    assert AccessUnit.parse(bytes.fromhex(KEYFRAME)) == unit


def test_golden_group() -> None:
    assert group().to_bytes().hex() == bytes.fromhex(GROUP).hex()
    assert AccessUnit.parse(bytes.fromhex(GROUP)) == group()


def test_what_a_decoder_asks(header: SequenceHeader) -> None:
    unit = group()
    assert unit.frame_count == 3
    assert unit.pts == (70000, 70001, 70002)
    assert unit.duration == 258
    assert not unit.is_keyframe
    assert unit.references == coding_order(Structure.HIERARCHY, 3)
    assert not peek_is_keyframe(unit.to_bytes()) and not peek_is_keyframe(b"")
    assert peek_is_keyframe(bytes.fromhex(KEYFRAME))


def test_overhead_of_a_group_of_16() -> None:
    unit = AccessUnit(Structure.HIERARCHY, None, 100, (1,) * 16, (40,) * 16, 0, b"")
    assert len(unit.to_bytes()) == 15


sized = st.integers(1, 16)


@st.composite
def units(draw: st.DrawFn) -> AccessUnit:
    structure = draw(st.sampled_from(Structure))
    frames = 1 if structure == Structure.KEYFRAME else draw(sized)
    lists = {"min_size": frames, "max_size": frames}
    header = SequenceHeader(
        format_version=1,
        width=64,
        height=48,
        time_base=Fraction(1, 25),
        latent_channels=16,
        crf=28,
        gop_size=9,
        preset=1,
        model_name="m",
        model_sha256="00" * 32,
    )
    return AccessUnit(
        structure=structure,
        header=header if structure == Structure.KEYFRAME else None,
        first_pts=draw(st.integers(-MAX_PTS, MAX_PTS)),
        durations=tuple(
            draw(
                st.lists(st.integers(1, MAX_DURATION), **lists)
                | st.integers(1, 5000).map(lambda d: [d] * frames)
            )
        ),
        quantisers=tuple(
            draw(
                st.lists(st.integers(0, 127), **lists)
                | st.integers(0, 127).map(lambda q: [q] * frames)
            )
        ),
        latent_checksum=draw(st.integers(0, 2**32 - 1)),
        payload=draw(st.binary(max_size=40)),
    )


@given(units())
def test_round_trip(unit: AccessUnit) -> None:
    assert AccessUnit.parse(unit.to_bytes()) == unit


@given(st.binary(max_size=120))
def test_any_bytes_give_a_unit_or_an_error(data: bytes) -> None:
    for candidate in (
        data,
        sealed(data),
        sealed(b"\x01" + data),
        sealed(b"\x82" + data),
        sealed(b"\x00LVID\x01\x01" + data),
    ):
        try:
            unit = AccessUnit.parse(candidate)
        except BitstreamError:
            continue
        assert AccessUnit.parse(unit.to_bytes()) == unit


@given(units(), st.data())
def test_a_changed_byte_breaks_the_checksum(unit: AccessUnit, data: st.DataObject) -> None:
    raw = bytearray(unit.to_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ChecksumError, match="it is damaged"):
        AccessUnit.parse(bytes(raw))


@given(units(), st.data())
def test_a_changed_byte_with_a_good_checksum_is_a_unit_or_an_error(
    unit: AccessUnit, data: st.DataObject
) -> None:
    raw = bytearray(unit.to_bytes()[:-4])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(BitstreamError):
        AccessUnit.parse(sealed(bytes(raw)))


def test_every_truncation_is_reported() -> None:
    for golden in (KEYFRAME, GROUP):
        data = bytes.fromhex(golden)
        for length in range(len(data)):
            with pytest.raises((ChecksumError, TruncatedStreamError)):
                AccessUnit.parse(data[:length])


def test_truncation_behind_a_good_checksum() -> None:
    with pytest.raises(
        TruncatedStreamError, match="latent_checksum at byte 6 needs 4 bytes, 1 are left"
    ):
        AccessUnit.parse(sealed("01 00 00 01 01 28 00"))


@pytest.mark.parametrize(
    ("body", "field", "offset"),
    [
        ("03 00 00 01 01 28 00000000", "structure", 0),
        ("41 00 00 01 01 28 00000000", "structure", 0),
        ("01 10 00 01 01 28 00000000", "frame_count", 1),
        ("01 00 ffffffffffffffff7f 01 01 28 00000000", "first_pts", 2),
        ("01 00 8000 01 01 28 00000000", "first_pts", 2),
        ("01 00 00 02 01 28 00000000", "uniform", 3),
        ("01 00 00 01 00 28 00000000", "duration", 4),
        ("01 01 00 00 01 818080808020 28 00000000", "duration", 5),
        ("01 00 00 01 01 80 00000000", "quantiser", 5),
        ("81 01 00 01 01 28 00 d7 00000000", "quantiser_offset", 7),
        ("81 01 00 01 01 28 00 58 00000000", "quantiser_offset", 7),
    ],
)
def test_values_out_of_range_name_the_field_and_its_offset(
    body: str, field: str, offset: int
) -> None:
    with pytest.raises(FieldError) as caught:
        AccessUnit.parse(sealed(body))
    assert (caught.value.field, caught.value.offset) == (field, offset)


def test_a_keyframe_has_one_frame() -> None:
    body = bytearray(bytes.fromhex(KEYFRAME)[:-4])
    position = len(body) - 12
    assert body[position] == 0
    body[position] = 1
    with pytest.raises(FieldError, match=f"field frame_count at byte {position}: must be 0, is 1"):
        AccessUnit.parse(sealed(bytes(body)))


def test_quantiser_offsets_may_count_from_any_base() -> None:
    unit = AccessUnit.parse(sealed("81 01 00 01 01 7f ff 81 00000000"))
    assert unit.quantisers == (126, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"durations": ()},
        {"durations": (1,) * 17, "quantisers": (1,) * 17},
        {"durations": (1, 0, 1)},
        {"durations": (1, 1, MAX_DURATION + 1)},
        {"quantisers": (1, 2)},
        {"quantisers": (1, 2, 128)},
        {"first_pts": MAX_PTS + 1},
        {"latent_checksum": -1},
        {"structure": Structure.KEYFRAME},
        {"structure": Structure.KEYFRAME, "durations": (1,), "quantisers": (1,)},
    ],
)
def test_building_checks_what_parsing_checks(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be|needs a"):
        replace(group(), **change)
