"""Access units are found among any bytes, by their checksums alone."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.container.scan import find_units

MEBIBYTE = 1 << 20


def noise(count: int, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, count, dtype=np.uint8).tobytes()


def found(data: bytes, size: int | None = None) -> list[tuple[int, bytes]]:
    return [
        (each.position, each.data)
        for each in find_units(io.BytesIO(data), len(data) if size is None else size)
    ]


@pytest.mark.parametrize("before", [0, 1, 1023, 5000, MEBIBYTE - 30, MEBIBYTE - 3, MEBIBYTE])
def test_wherever_they_are(make_units, before: int) -> None:
    units = [unit.to_bytes() for unit in make_units()]
    data, places = noise(before), []
    for number, unit in enumerate(units):
        places.append(len(data))
        data += unit + noise(number * 100, number)
    assert found(data) == list(zip(places, units, strict=True))


def test_one_that_reaches_over_segments(make_units) -> None:
    from dataclasses import replace

    long = replace(make_units()[1], payload=noise(MEBIBYTE + 100)).to_bytes()
    assert found(noise(MEBIBYTE - 77) + long + noise(9)) == [(MEBIBYTE - 77, long)]


def test_damaged_ones_and_those_beyond_the_end_are_not(make_units) -> None:
    units = [unit.to_bytes() for unit in make_units()[:3]]
    broken = units[1][:-20] + bytes([units[1][-20] ^ 1]) + units[1][-19:]
    assert [unit for _, unit in found(units[0] + broken + units[2])] == [units[0], units[2]]
    assert [unit for _, unit in found(b"".join(units), len(units[0] + units[1]) - 1)] == [units[0]]
    assert found(b"") == found(b"x") == found(noise(100_000)) == found(bytes(100_000)) == []


def test_a_file_made_to_be_searched_for_ever_is_not(
    make_units, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = make_units()[0].to_bytes()
    # the beginning of a keyframe of a version that nobody reads …
    trap = bytearray(b"\x00LVID\xff" + noise(40))
    register = zlib.crc32(trap)
    # … after which every four bytes are the right checksum of all before them
    for _ in range(50_000):
        checksum = register.to_bytes(4, "big")
        trap += checksum
        register = zlib.crc32(checksum, register)
    looked_at: list[int] = []
    parse = AccessUnit.parse
    monkeypatch.setattr(
        AccessUnit, "parse", lambda data: looked_at.append(len(data)) or parse(data)
    )
    assert found(unit + bytes(trap)) == [(0, unit)]
    assert len(looked_at) > 1000, "not the trap it is meant to be"
    assert sum(looked_at) < 100 * MEBIBYTE  # of the 5 GB that it offers
