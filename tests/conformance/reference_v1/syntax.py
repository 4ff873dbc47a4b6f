"""Access units and sequence headers for the second decoder of the tests: plain Python from sections
2 and 3 of FORMAT.md.
"""

from __future__ import annotations

import zlib
from collections import deque
from dataclasses import dataclass
from math import gcd

KEYFRAME, CHAIN, HIERARCHY = range(3)

# Name, bytes, lowest and highest value of every field between the flags and the model's name.
FIELDS = (
    ("width", 2, 1, 16384),
    ("height", 2, 1, 16384),
    ("primaries", 1, 0, 255),
    ("transfer", 1, 0, 255),
    ("matrix", 1, 0, 255),
    ("full_range", 1, 0, 1),
    ("sample_aspect_ratio", 2, 0, 65535),
    ("sample_aspect_ratio.denominator", 2, 1, 65535),
    ("rotation", 1, 0, 3),
    ("time_base", 4, 1, 2**32 - 1),
    ("time_base.denominator", 4, 1, 2**32 - 1),
    ("frame_rate", 4, 0, 2**32 - 1),
    ("frame_rate.denominator", 4, 1, 2**32 - 1),
    ("latent_channels", 1, 1, 64),
    ("latent_stride_log2", 1, 3, 3),
    ("block_log2", 1, 0, 3),
    ("crf", 1, 0, 63),
    ("gop_size", 2, 1, 65535),
    ("preset", 1, 0, 9),
)


class Cursor:
    """Reads fields from the bytes before ``end``."""

    def __init__(self, data: bytes, end: int) -> None:
        self.data, self.position, self.end = data, 0, end

    def take(self, count: int) -> bytes:
        if self.position + count > self.end:
            raise ValueError("the fields run into the checksum")
        self.position += count
        return self.data[self.position - count : self.position]

    def uint(self, count: int, low: int = 0, high: int | None = None) -> int:
        value = int.from_bytes(self.take(count), "big")
        if value < low or (high is not None and value > high):
            raise ValueError(f"{value} outside {low}..{high}")
        return value

    def varint(self) -> int:
        value = 0
        for place in range(9):
            byte = self.uint(1)
            value |= (byte & 127) << 7 * place
            if byte < 128:
                if byte == 0 and place:
                    raise ValueError("not the shortest varint")
                return value
        raise ValueError("varint of more than nine bytes")

    def svarint(self) -> int:
        value = self.varint()
        return -(value + 1) // 2 if value % 2 else value // 2


@dataclass(frozen=True)
class Unit:
    """One access unit.  header: fields by name, with latent_width and latent_height, or None;
    references: (frame, past, future) in coding order, frames numbered from 1, the anchor 0.
    """

    structure: int
    header: dict | None
    first_pts: int
    durations: tuple[int, ...]
    quantisers: tuple[int, ...]
    latent_checksum: int
    payload: bytes
    references: tuple[tuple[int, int | None, int | None], ...]


def parse_unit(data: bytes) -> Unit:
    """The fields of a whole access unit.  ``ValueError`` where one is wrong."""
    if not 5 <= len(data) <= 2**28:
        raise ValueError(f"an access unit of {len(data)} bytes")
    end = len(data) - 4
    if zlib.crc32(data[:end]) != int.from_bytes(data[end:], "big"):
        raise ValueError("checksum")
    cursor = Cursor(data, end)
    first = cursor.uint(1)
    structure, offsets_follow = first & 127, first >= 128
    if structure > HIERARCHY:
        raise ValueError(f"structure {structure}")
    header = parse_header(cursor) if structure == KEYFRAME else None
    count = 1 + cursor.uint(1, 0, 0 if structure == KEYFRAME else 15)
    first_pts = cursor.svarint()
    uniform = cursor.uint(1, 0, 1)
    durations = [cursor.varint() for _ in range(1 if uniform else count)] * (
        count if uniform else 1
    )
    if abs(first_pts) > 2**62 - 1 or not all(1 <= duration <= 2**40 for duration in durations):
        raise ValueError("times")
    base = cursor.uint(1, 0, 127)
    quantisers = [base] * count
    if offsets_follow:
        quantisers = [base + (byte - 256 if byte > 127 else byte) for byte in cursor.take(count)]
    if not all(0 <= quantiser <= 127 for quantiser in quantisers):
        raise ValueError("quantisers")
    checksum = cursor.uint(4)
    payload = cursor.take(end - cursor.position)
    return Unit(
        structure,
        header,
        first_pts,
        tuple(durations),
        tuple(quantisers),
        checksum,
        payload,
        coding_order(structure, count),
    )


def parse_header(cursor: Cursor) -> dict:
    """The sequence header as a dictionary, fractions as pairs."""
    if cursor.take(4) != b"LVID":
        raise ValueError("magic")
    version = cursor.uint(1, 1)
    if version > 2:
        raise ValueError("a newer version")
    flags = cursor.uint(1)
    if flags & ~2 != 1:
        raise ValueError("flags")
    header: dict = {"format_version": version, "flags": flags}
    for name, size, low, high in FIELDS:
        header[name] = cursor.uint(size, low, high)
    if header["width"] * header["height"] > 2**26:
        raise ValueError("size")
    for name in ("sample_aspect_ratio", "time_base", "frame_rate"):
        header[name] = header[name], header.pop(f"{name}.denominator")
        if gcd(*header[name]) != 1:
            raise ValueError(f"{name} not in lowest terms")
    header["model_name"] = cursor.take(cursor.uint(1, 1, 64)).decode()
    header["model_sha256"] = cursor.take(32).hex()
    block = 8 << header["block_log2"]
    for side in ("width", "height"):
        header[f"latent_{side}"] = -(-header[side] // block) * block // 8
    return header


def coding_order(structure: int, count: int) -> tuple[tuple[int, int | None, int | None], ...]:
    """(frame, past reference, future reference) of all frames of a unit."""
    if structure == KEYFRAME:
        return ((1, None, None),)
    if structure == CHAIN:
        return tuple((k, k - 1, None) for k in range(1, count + 1))
    order: list[tuple[int, int | None, int | None]] = [(count, 0, None)]
    gaps = deque([(0, count)])
    while gaps:
        a, b = gaps.popleft()
        m = (a + b) // 2
        if m > a:
            order.append((m, a, b))
            gaps += [(a, m), (m, b)]
    return tuple(order)
