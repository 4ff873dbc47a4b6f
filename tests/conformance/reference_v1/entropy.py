"""Range decoding and adaptive tables for the second decoder of the tests, in plain Python from
section 5 of FORMAT.md.
"""

from __future__ import annotations


class RangeDecoder:
    """Range decoding with a state of 64 bits, words of 32, probabilities of 24."""

    def __init__(self, payload: bytes) -> None:
        if len(payload) % 4:
            raise ValueError("payload is not whole words")
        self.words = [
            int.from_bytes(payload[i : i + 4], "little") for i in range(0, len(payload), 4)
        ]
        self.position, self.lower, self.range, self.point = 0, 0, 2**64 - 1, 0
        for _ in range(2):
            self._shift_in()

    def _shift_in(self) -> None:
        word = self.words[self.position] if self.position < len(self.words) else 0
        self.position += 1
        self.point = (self.point << 32 | word) & (2**64 - 1)

    def symbol(self, frequencies: list[int]) -> int:
        """Next symbol under frequencies that add up to 2^24."""
        scale = self.range >> 24
        target = ((self.point - self.lower) & (2**64 - 1)) // scale
        left = 0
        for index, frequency in enumerate(frequencies):  # noqa: B007 (used after the loop)
            if target < left + frequency:
                break
            left += frequency
        else:
            raise ValueError("invalid data")
        self.lower = (self.lower + scale * left) & (2**64 - 1)
        self.range = scale * frequency
        if self.range < 2**32:
            self.lower = (self.lower << 32) & (2**64 - 1)
            self.range <<= 32
            self._shift_in()
        return index

    def escapes(self, count: int) -> list[int]:
        lengths = [self.symbol([2**20] * 16) for _ in range(count)]
        values = []
        for length in lengths:
            value = 1
            for _ in range(length):
                value = 2 * value + self.symbol([2**23] * 2)
            values.append(value - 1)
        return values


class Tables:
    """One table set."""

    def __init__(self, priors, increment: int) -> None:
        self.counts = [[int(f) for f in row] for row in priors]
        self.frequencies = [list(row) for row in self.counts]
        self.touched: set[int] = set()
        self.increment = increment

    def refresh(self, table: int) -> None:
        counts = self.counts[table]
        total, symbols = sum(counts), len(counts)
        frequencies = [1 + c * (65536 - symbols) // total for c in counts]
        frequencies[counts.index(max(counts))] += 65536 - sum(frequencies)
        self.frequencies[table] = frequencies

    def begin_frame(self) -> None:
        for table in self.touched:
            if sum(self.counts[table]) > 2**24:
                self.counts[table] = [(c + 1) >> 1 for c in self.counts[table]]
            self.refresh(table)
        self.touched.clear()

    def decode(self, coder: RangeDecoder, ids: list[int]) -> list[int]:
        """One call: symbols in the order of ``ids``, decoded by ascending table."""
        out = [0] * len(ids)
        for table in sorted(set(ids)):
            frequencies = [256 * f for f in self.frequencies[table]]
            for index, used in enumerate(ids):
                if used == table:
                    out[index] = coder.symbol(frequencies)
        for table, symbol in zip(ids, out, strict=True):
            self.counts[table][symbol] += self.increment
        self.touched |= set(ids)
        return out
