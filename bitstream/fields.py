"""Bounded reading and writing of fields: big-endian integers, variable-length integers, byte
strings.

Variable-length integers are unsigned LEB128: seven bits a byte, the lowest first, the top bit set
on all bytes but the last.  Signed ones are mapped by zigzag first (0, -1, 1, -2, … → 0, 1, 2, 3,
…).  Only the shortest form is legal.
"""

from __future__ import annotations

from operator import index

from .errors import FieldError, TruncatedStreamError

VARINT_MAX_BYTES = 9
VARINT_LIMIT = 1 << (7 * VARINT_MAX_BYTES)  # variable-length integers are below this


def check_range(field: str, offset: int, value: int, low: int, high: int) -> int:
    """``value`` as an int if it is an integer in ``low``..``high`` (of any type, numpy's too);
    ``FieldError`` otherwise.
    """
    try:
        value = index(value)
    except TypeError:
        raise FieldError(field, offset, f"must be an integer, is {value!r}") from None
    if not low <= value <= high:
        raise FieldError(
            field,
            offset,
            f"must be {low}..{high}, is {value}" if low < high else f"must be {low}, is {value}",
        )
    return value


class ByteReader:
    """Reads fields from ``data[offset:end]``.  ``offset`` is always the position of the next field.

    Every method takes the field's name first and raises ``FieldError`` for a value outside
    ``low``..``high``, ``TruncatedStreamError`` if the bytes end inside the field.
    """

    def __init__(self, data: bytes, offset: int = 0, end: int | None = None) -> None:
        self.data = data
        self.offset = offset
        self.end = len(data) if end is None else end

    @property
    def remaining(self) -> int:
        """Bytes not read yet."""
        return self.end - self.offset

    def take(self, field: str, length: int) -> bytes:
        """The next ``length`` bytes."""
        if length > self.remaining:
            raise TruncatedStreamError(
                f"field {field} at byte {self.offset} needs {length} bytes, {self.remaining} are"
                " left"
            )
        self.offset += length
        return bytes(self.data[self.offset - length : self.offset])

    def uint(self, field: str, size: int, low: int = 0, high: int | None = None) -> int:
        """A big-endian unsigned integer of ``size`` bytes."""
        start = self.offset
        value = int.from_bytes(self.take(field, size), "big")
        return check_range(field, start, value, low, (1 << 8 * size) - 1 if high is None else high)

    def int8(self, field: str, low: int = -128, high: int = 127) -> int:
        """A signed integer of one byte, two's complement."""
        start = self.offset
        value = int.from_bytes(self.take(field, 1), "big", signed=True)
        return check_range(field, start, value, low, high)

    def varint(self, field: str, low: int = 0, high: int = VARINT_LIMIT - 1) -> int:
        """An unsigned variable-length integer."""
        start = self.offset
        value = self._leb128(field)
        return check_range(field, start, value, low, high)

    def signed_varint(self, field: str, low: int, high: int) -> int:
        """A signed variable-length integer."""
        start = self.offset
        value = self._leb128(field)
        return check_range(field, start, (value >> 1) ^ -(value & 1), low, high)

    def _leb128(self, field: str) -> int:
        start, value = self.offset, 0
        for position in range(VARINT_MAX_BYTES):
            byte = self.take(field, 1)[0]
            value |= (byte & 0x7F) << (7 * position)
            if byte < 0x80:
                if byte == 0 and position:
                    raise FieldError(
                        field, start, "variable-length integer is not in its shortest form"
                    )
                return value
        raise FieldError(
            field, start, f"variable-length integer is longer than {VARINT_MAX_BYTES} bytes"
        )


class ByteWriter:
    """Writes the fields ``ByteReader`` reads; values outside the range of the encoding are a
    ``FieldError``.
    """

    def __init__(self) -> None:
        self._data = bytearray()

    def __len__(self) -> int:
        return len(self._data)

    def to_bytes(self) -> bytes:
        """Everything written so far."""
        return bytes(self._data)

    def put(self, data: bytes) -> None:
        """Bytes as they are."""
        self._data += data

    def uint(self, field: str, size: int, value: int) -> None:
        """A big-endian unsigned integer of ``size`` bytes."""
        self._data += check_range(field, len(self), value, 0, (1 << 8 * size) - 1).to_bytes(
            size, "big"
        )

    def int8(self, field: str, value: int) -> None:
        """A signed integer of one byte, two's complement."""
        self._data += check_range(field, len(self), value, -128, 127).to_bytes(
            1, "big", signed=True
        )

    def varint(self, field: str, value: int) -> None:
        """An unsigned variable-length integer."""
        value = check_range(field, len(self), value, 0, VARINT_LIMIT - 1)
        while value >= 0x80:
            self._data.append(value & 0x7F | 0x80)
            value >>= 7
        self._data.append(value)

    def signed_varint(self, field: str, value: int) -> None:
        """A signed variable-length integer."""
        value = check_range(field, len(self), value, -VARINT_LIMIT // 2, VARINT_LIMIT // 2 - 1)
        self.varint(field, 2 * value if value >= 0 else -2 * value - 1)
