"""Fields: the bytes of variable-length integers, ranges, truncation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitstream.errors import BitstreamError, FieldError, TruncatedStreamError
from bitstream.fields import VARINT_LIMIT, ByteReader, ByteWriter


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "00"),
        (1, "01"),
        (127, "7f"),
        (128, "8001"),
        (300, "ac02"),
        (VARINT_LIMIT - 1, "ffffffffffffffff7f"),
    ],
)
def test_varint_bytes(value: int, expected: str) -> None:
    writer = ByteWriter()
    writer.varint("x", value)
    assert writer.to_bytes().hex() == expected
    assert ByteReader(bytes.fromhex(expected)).varint("x") == value


@pytest.mark.parametrize(
    ("value", "expected"), [(0, "00"), (-1, "01"), (1, "02"), (-2, "03"), (64, "8001"), (-64, "7f")]
)
def test_signed_varint_bytes(value: int, expected: str) -> None:
    writer = ByteWriter()
    writer.signed_varint("x", value)
    assert writer.to_bytes().hex() == expected
    assert ByteReader(bytes.fromhex(expected)).signed_varint("x", -100, 100) == value


@given(st.integers(-VARINT_LIMIT // 2, VARINT_LIMIT // 2 - 1))
def test_signed_varint_round_trip(value: int) -> None:
    writer = ByteWriter()
    writer.signed_varint("x", value)
    assert ByteReader(writer.to_bytes()).signed_varint("x", -VARINT_LIMIT, VARINT_LIMIT) == value


@pytest.mark.parametrize("data", ["8000", "ff00", "808000"])
def test_only_the_shortest_form_of_a_varint_is_legal(data: str) -> None:
    with pytest.raises(FieldError, match="field x at byte 0: .*shortest form"):
        ByteReader(bytes.fromhex(data)).varint("x")


def test_varint_longer_than_nine_bytes() -> None:
    with pytest.raises(FieldError, match="longer than 9 bytes"):
        ByteReader(b"\xff" * 9 + b"\x01").varint("x")


@given(st.binary(max_size=12))
def test_any_bytes_give_a_varint_or_an_error(data: bytes) -> None:
    reader = ByteReader(data)
    try:
        value = reader.varint("x")
    except BitstreamError:
        return
    writer = ByteWriter()
    writer.varint("x", value)
    assert writer.to_bytes() == data[: reader.offset]


def test_a_value_out_of_range_names_field_and_offset() -> None:
    reader = ByteReader(b"\x00\x01\x05")
    assert reader.uint("first", 2) == 1
    with pytest.raises(FieldError, match="field second at byte 2: must be 0..4, is 5") as caught:
        reader.uint("second", 1, 0, 4)
    assert (caught.value.field, caught.value.offset) == ("second", 2)


def test_truncation_names_field_and_offset() -> None:
    reader = ByteReader(b"\x00\x01\x05", offset=2)
    with pytest.raises(
        TruncatedStreamError, match="field width at byte 2 needs 2 bytes, 1 are left"
    ):
        reader.uint("width", 2)


def test_nothing_is_read_past_the_end_given() -> None:
    with pytest.raises(TruncatedStreamError):
        ByteReader(b"abcd", end=2).take("name", 3)


def test_numpy_integers_are_integers_and_floats_are_not() -> None:
    writer = ByteWriter()
    writer.uint("a", 2, np.int64(258))
    writer.int8("b", np.int8(-3))
    writer.varint("c", np.int32(300))
    assert writer.to_bytes().hex() == "0102fdac02"
    with pytest.raises(FieldError, match="field d at byte 5: must be an integer, is 1.5"):
        writer.uint("d", 1, 1.5)
