"""Finds access units in bytes of which nobody knows where one begins or ends: by their checksums.

An access unit from p to q, and its checksum after it, satisfies crc(p..q) = the four bytes at q.
Let Z be what a zero byte does to the register of the CRC: a linear map that can be undone.  With
R(i) the register after the first i bytes of the file, begun at anything, the condition is, after Z
has been undone as often as there are bytes before each of the two places,

    Z^-p (R(p) ^ 0xffffffff)  =  Z^-q (R(q) ^ ~checksum at q)

where the left side depends on p alone and the right on q alone.  So one pass over the bytes gives
the left side of every place that looks like the beginning of an access unit, and compares the right
sides of all places with them: every unit is found, however long, in a time that grows with the
bytes alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ..access_unit import MAX_UNIT_BYTES, AccessUnit
from ..errors import BitstreamError
from ..group_structure import MAX_FRAMES, Structure
from ..sequence_header import MAGIC

_SIDE = 1024
_SEGMENT = _SIDE * _SIDE  # bytes looked at together: rows times columns
_CRC_BYTES = 4
_FILTER_BITS = 22
_ONES = np.uint32(0xFFFFFFFF)
_Registers = npt.NDArray[np.uint32]
# Bytes that are looked at in vain for each byte of the file.  By chance a checksum fits once in
# 2^32 pairs of places; who wants to can make a file in which every fourth byte ends something with
# the right checksum that begins at the same place, and is no access unit.
_IN_VAIN = 32
_PAIR_BYTES = 64  # what considering a pair of places costs besides


@dataclass(frozen=True)
class FoundUnit:
    """An intact access unit: where its first byte is, its bytes with the checksum, and its
    fields.
    """

    position: int
    data: bytes
    unit: AccessUnit


def find_units(file: BinaryIO, size: int) -> Iterator[FoundUnit]:
    """All intact access units in the first ``size`` bytes of a file, in the order in which they
    end, none inside another that was found.

    Ends early where a file is made to be searched for ever.
    """
    maps = _maps()
    # places that may begin a unit, and their left sides
    starts, values = np.empty(0, np.int64), np.empty(0, np.uint32)
    register = np.uint32(0)
    free = 0  # where the last unit that was found ends
    patience = _IN_VAIN * (size + _SEGMENT)
    for origin in range(0, size, _SEGMENT):
        file.seek(origin)
        data = np.frombuffer(file.read(min(_SEGMENT + 8, size - origin)), np.uint8)
        if not len(data):
            return
        segment = _Segment(maps, data, register)
        begins = _candidates(data)
        starts = np.concatenate([starts, origin + begins])
        values = np.concatenate([values, segment.left(begins)])
        order = np.argsort(values, kind="stable")
        starts, values = starts[order], values[order]
        for begin, end in _pairs(segment.right(), values, starts, origin):
            unit = _unit(file, begin, end) if begin >= free else None
            if unit is not None:
                free = begin + len(unit.data)
                yield unit
                continue
            patience -= _PAIR_BYTES + (end - begin if begin >= free else 0)
            if patience < 0:
                return
        keep = starts > origin - MAX_UNIT_BYTES
        # From here on places count from the next segment.
        starts, values = starts[keep], _apply(maps.over_segment, values[keep])
        register = segment.register


@dataclass(frozen=True)
class _Maps:
    """Linear maps of registers as tables (…, 4, 256): of each byte of a register what becomes of
    it, to be combined by XOR.

    columns[c]: Z^-c; rows[a]: Z^-(1024·a); over_segment: Z^(1024·1024).  appended[c] (…, 256): what
    a byte in column c adds to a register that is moved back to the beginning of its row.
    """

    columns: _Registers
    rows: _Registers
    over_segment: _Registers
    appended: _Registers


@cache
def _maps() -> _Maps:
    # zlib complements the register before and after: from register 0, a byte b leads to what it
    # tells of b begun with 0xffffffff.
    table = np.array(
        [zlib.crc32(bytes([byte]), 0xFFFFFFFF) ^ 0xFFFFFFFF for byte in range(256)], np.uint32
    )
    top = np.empty(256, np.uint32)
    top[table >> np.uint32(24)] = np.arange(256, dtype=np.uint32)

    def back(register: _Registers) -> _Registers:
        index: _Registers = top[register >> np.uint32(24)]
        return ((register ^ table[index]) << np.uint32(8)) | index

    identity = np.arange(256, dtype=np.uint32)[None, :] << (
        np.uint32(8) * np.arange(4, dtype=np.uint32)[:, None]
    )
    columns = np.empty((_SIDE + 1, 4, 256), np.uint32)
    columns[0] = identity
    for column in range(_SIDE):
        columns[column + 1] = back(columns[column])
    rows = np.empty((_SIDE, 4, 256), np.uint32)
    rows[0] = identity
    for row in range(1, _SIDE):
        rows[row] = _apply(columns[_SIDE], rows[row - 1])
    forward = (identity >> np.uint32(8)) ^ table[identity & np.uint32(255)]
    for _ in range(2 * (_SIDE.bit_length() - 1)):
        forward = _apply(forward, forward)
    appended = np.stack([_apply(columns[column + 1], table) for column in range(_SIDE)])
    return _Maps(columns[:_SIDE], rows, forward, appended)


def _apply(linear: _Registers, registers: _Registers) -> _Registers:
    """A map (4, 256) of registers of any shape."""
    parts: list[_Registers]
    parts = [linear[j][(registers >> np.uint32(8 * j)) & np.uint32(255)] for j in range(4)]
    return parts[0] ^ parts[1] ^ parts[2] ^ parts[3]


def _apply_each(
    linear: _Registers, numbers: npt.NDArray[np.int64], registers: _Registers
) -> _Registers:
    """Maps (n, 4, 256), for each register the one of number ``numbers``."""
    parts: list[_Registers]
    parts = [linear[numbers, j, (registers >> np.uint32(8 * j)) & np.uint32(255)] for j in range(4)]
    return parts[0] ^ parts[1] ^ parts[2] ^ parts[3]


class _Segment:
    """Registers in a segment: data, up to 8 bytes longer than it, and the register at its
    beginning; all places count from there.
    """

    def __init__(self, maps: _Maps, data: npt.NDArray[np.uint8], register: np.uint32) -> None:
        self._maps, self._data = maps, data
        self._count = min(len(data), _SEGMENT)
        padded = np.zeros(_SEGMENT, np.uint8)
        padded[: self._count] = data[: self._count]
        columns = np.arange(_SIDE)
        added = np.bitwise_xor.accumulate(
            maps.appended[columns[None, :], padded.reshape(_SIDE, _SIDE)], axis=1
        )
        of_rows = _apply_each(maps.rows, np.arange(_SIDE), added[:, -1])
        self._row_starts = np.bitwise_xor.accumulate(
            np.concatenate([[register], of_rows]).astype(np.uint32)
        )
        # what the bytes before a place add, moved to the beginning of its row
        self._before = np.zeros((_SIDE, _SIDE), np.uint32)
        self._before[:, 1:] = added[:, :-1]
        # Moved to the beginning of this segment; from there to that of the next.
        self.register = _apply(maps.over_segment, self._row_starts[-1:])[0]

    def left(self, places: npt.NDArray[np.int64]) -> _Registers:
        """Left sides of the condition for some places."""
        rows, columns = places // _SIDE, places % _SIDE
        in_row = (
            _apply_each(self._maps.columns, columns, np.full(len(places), _ONES))
            ^ self._before[rows, columns]
        )
        return _apply_each(self._maps.rows, rows, in_row) ^ self._row_starts[rows]

    def right(self) -> _Registers:
        """Right sides for all places with four bytes behind them."""
        count = min(self._count, len(self._data) - _CRC_BYTES + 1)
        if count <= 0:
            return np.empty(0, np.uint32)
        wide = self._data.astype(np.uint32)
        stored = np.zeros(_SEGMENT, np.uint32)
        stored[:count] = (
            wide[:count] << 24
            | wide[1 : count + 1] << 16
            | wide[2 : count + 2] << 8
            | wide[3 : count + 3]
        )
        required = ~stored.reshape(_SIDE, _SIDE)
        columns, rows = np.arange(_SIDE)[None, :], np.arange(_SIDE)[:, None]
        in_row = _apply_each(self._maps.columns, columns, required) ^ self._before
        return (_apply_each(self._maps.rows, rows, in_row) ^ self._row_starts[:-1, None]).reshape(
            -1
        )[:count]


def _candidates(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Places that may begin an access unit, by its first bytes."""
    count = min(len(data) - len(MAGIC), _SEGMENT)
    if count <= 0:
        return np.empty(0, np.int64)
    kind = data[:count] & 0x7F
    is_keyframe = kind == Structure.KEYFRAME
    for offset, byte in enumerate(MAGIC, start=1):
        is_keyframe &= data[offset : count + offset] == byte
    is_group = (kind == Structure.CHAIN) | (kind == Structure.HIERARCHY)
    is_group &= data[1 : count + 1] < MAX_FRAMES
    return np.flatnonzero(is_keyframe | is_group)


def _pairs(
    right: _Registers, values: _Registers, starts: npt.NDArray[np.int64], origin: int
) -> Iterator[tuple[int, int]]:
    """Beginnings and ends, the checksum excluded, that belong together; ends ascending.

    ``values`` are sorted.
    """
    if not len(values):
        return
    shift = np.uint32(32 - _FILTER_BITS)
    filled = np.zeros(1 << _FILTER_BITS, bool)
    filled[values >> shift] = True
    ends = np.flatnonzero(filled[right >> shift])
    first, last = (np.searchsorted(values, right[ends], side=side) for side in ("left", "right"))
    for end, low, high in zip(ends.tolist(), first.tolist(), last.tolist(), strict=True):
        for start in sorted(starts[low:high].tolist()):
            if start < origin + end:
                yield start, origin + end


def _unit(file: BinaryIO, begin: int, end: int) -> FoundUnit | None:
    if end + _CRC_BYTES - begin > MAX_UNIT_BYTES:
        return None
    file.seek(begin)
    data = file.read(end + _CRC_BYTES - begin)
    try:
        return FoundUnit(begin, data, AccessUnit.parse(data))
    except BitstreamError:
        return None
