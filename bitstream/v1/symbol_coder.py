"""Range coding of integer symbols under adaptive frequency tables (constriction's 32-bit range
coder).

Symbols of one call are coded grouped by table, so that a library loop replaces a Python loop:
within a call, tables in ascending order, and the symbols of a table in the order of the list.
``SymbolWriter`` and ``SymbolReader`` have the same methods, so that syntax is written once for both
directions.
"""

from __future__ import annotations

from collections.abc import Iterator

import constriction
import numpy as np
import numpy.typing as npt

from ..errors import BitstreamError, TruncatedStreamError
from .adaptive_tables import Categorical, TableSet, uniform_model
from .observer import Observer

ESCAPE_LENGTHS = 16  # an escape's binary length is 1..16
ESCAPE_LENGTH_BITS = 4  # what coding such a length takes

# In calls of up to so many symbols times alphabet, building a model for every symbol takes less
# time than sorting out those of a table.
SYMBOL_BY_SYMBOL = 1 << 15
_WEIGHTS_PER_SYMBOL = Categorical(perfect=False)


def escape_bits(values: np.ndarray) -> np.ndarray:
    """What escapes 0..65534 cost, in bits: the length of value + 1, and its digits but the
    first.
    """
    return ESCAPE_LENGTH_BITS + np.floor(np.log2(np.asarray(values) + 1.0))


class _Account:
    """What one coder has spent, over all table sets it was used with."""

    def __init__(self) -> None:
        self._before: dict[TableSet, float] = {}
        self.escapes = 0.0

    def copy(self) -> _Account:
        """An account of its own, of the same spending."""
        twin = _Account()
        twin._before, twin.escapes = dict(self._before), self.escapes
        return twin

    def open(self, tables: TableSet) -> None:
        """From now on count what is spent under ``tables``."""
        if tables not in self._before:
            self._before[tables] = tables.spent()

    def bits(self) -> float:
        """Ideal code length so far."""
        return self.escapes + sum(
            tables.spent() - before for tables, before in self._before.items()
        )


def _symbol_by_symbol(tables: TableSet, ids: npt.NDArray[np.int64]) -> bool:
    alphabet: int = tables.frequencies.shape[1]
    return len(ids) * alphabet <= SYMBOL_BY_SYMBOL


def _wire_order(ids: np.ndarray) -> np.ndarray:
    """By table.  16-bit numbers are sorted by digits, which takes a fifth of the time of comparing
    long lists.
    """
    return ids.astype(np.int16).argsort(kind="stable")


def _runs(ids: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """(table, start, stop) of all runs of equal numbers; ``ids`` must be sorted and not empty."""
    starts = [0, *((ids[1:] != ids[:-1]).nonzero()[0] + 1).tolist()]
    return zip(ids.take(starts).tolist(), starts, [*starts[1:], len(ids)], strict=True)


class SymbolWriter:
    """Encodes symbols; ``finish()`` gives the bytes.  ``observer`` is told of every call."""

    def __init__(self, observer: Observer | None = None) -> None:
        self.observer = observer
        self._coder = constriction.stream.queue.RangeEncoder()
        self._escape_length, self._bit = uniform_model(ESCAPE_LENGTHS), uniform_model(2)
        self._account = _Account()

    @property
    def bits(self) -> float:
        """Ideal code length so far, in bits."""
        return self._account.bits()

    def copy(self) -> SymbolWriter:
        """Another writer that has written the same."""
        twin = SymbolWriter(self.observer)
        twin.restore(self)
        return twin

    def restore(self, earlier: SymbolWriter) -> None:
        """Take back all that was written since ``earlier`` was copied; that stays as it is."""
        self._coder, self._account = earlier._coder.clone(), earlier._account.copy()

    def code(
        self,
        tables: TableSet,
        ids: np.ndarray,
        symbols: np.ndarray,
        places: np.ndarray | None = None,
    ) -> np.ndarray:
        """Encode ``symbols`` (n,) each under the table in ``ids`` (n,) and learn; returns the
        symbols.

        ``places`` (n,) is for the observer: what the symbols speak for.
        """
        if len(ids):
            self._account.open(tables)
            order = _wire_order(ids)
            ordered, sorted_ids = symbols[order].astype(np.int32), ids[order]
            if _symbol_by_symbol(tables, ids):
                self._coder.encode(ordered, _WEIGHTS_PER_SYMBOL, tables.weights[sorted_ids])
            else:
                for table, start, stop in _runs(sorted_ids):
                    self._coder.encode(ordered[start:stop], tables.model(table))
            tables.learn(ids, symbols)
            if self.observer is not None:
                self.observer.coded(tables, ids, symbols, places)
        return symbols

    def code_escapes(
        self,
        values: np.ndarray,
        tables: TableSet | None = None,
        places: np.ndarray | None = None,
    ) -> np.ndarray:
        """Encode values 0..65534 (n,) in Elias-gamma form with equal probabilities: all lengths,
        then all low bits.

        ``tables`` and ``places`` are for the observer: those of the symbols that escape.
        """
        if len(values):
            lengths = np.array([int(v + 1).bit_length() for v in values], dtype=np.int32)
            self._coder.encode(lengths - 1, self._escape_length)
            low = [
                (int(v + 1) >> shift) & 1
                for v, n in zip(values, lengths, strict=True)
                for shift in range(n - 2, -1, -1)
            ]
            if low:
                self._coder.encode(np.array(low, dtype=np.int32), self._bit)
            self._account.escapes += ESCAPE_LENGTH_BITS * len(values) + len(low)
            if self.observer is not None and tables is not None:
                self.observer.escaped(tables, values, places)
        return values

    def finish(self) -> bytes:
        """All words, little-endian."""
        words: npt.NDArray[np.uint32] = self._coder.get_compressed()
        return words.astype("<u4").tobytes()


def _damaged(error: Exception) -> BitstreamError:
    """For constriction's "invalid data"."""
    return BitstreamError(f"entropy-coded payload is damaged: {error}")


def payload_words(data: bytes) -> npt.NDArray[np.uint32]:
    """The words of a payload.  Raises ``TruncatedStreamError``."""
    if len(data) % 4:
        raise TruncatedStreamError(
            f"entropy-coded payload must be whole 32-bit words, got {len(data)} bytes"
        )
    return np.frombuffer(data, dtype="<u4").astype(np.uint32)


class SymbolReader:
    """Decodes what a ``SymbolWriter`` wrote.  ``observer`` is told of every call.

    Bits that were never written decode to something, never to a crash.
    """

    def __init__(self, data: bytes, observer: Observer | None = None) -> None:
        self.observer = observer
        self._coder = constriction.stream.queue.RangeDecoder(payload_words(data))
        self._escape_length, self._bit = uniform_model(ESCAPE_LENGTHS), uniform_model(2)
        self._account = _Account()

    @property
    def bits(self) -> float:
        """Ideal code length so far, in bits."""
        return self._account.bits()

    def _decode(self, model: object, count: int) -> npt.NDArray[np.int32]:
        try:
            symbols: npt.NDArray[np.int32] = self._coder.decode(model, count)
            return symbols
        except (AssertionError, ValueError) as error:
            raise _damaged(error) from error

    def code(
        self,
        tables: TableSet,
        ids: np.ndarray,
        symbols: np.ndarray | None = None,
        places: np.ndarray | None = None,
    ) -> np.ndarray:
        """Decode one symbol per entry of ``ids`` (n,) → int64 (n,), and learn.

        ``symbols`` is ignored; ``places`` is for the observer, as in ``SymbolWriter.code``.
        """
        if not len(ids):
            return np.zeros(0, dtype=np.int64)
        self._account.open(tables)
        order = _wire_order(ids)
        sorted_ids = ids[order]
        decode = self._coder.decode
        try:
            if _symbol_by_symbol(tables, ids):
                ordered = decode(_WEIGHTS_PER_SYMBOL, tables.weights[sorted_ids])
            else:
                ordered = np.concatenate(
                    [
                        decode(tables.model(table), stop - start)
                        for table, start, stop in _runs(sorted_ids)
                    ]
                )
        except (AssertionError, ValueError) as error:
            raise _damaged(error) from error
        decoded = np.empty(len(ids), dtype=np.int64)
        decoded[order] = ordered
        tables.learn(ids, decoded)
        if self.observer is not None:
            self.observer.coded(tables, ids, decoded, places)
        return decoded

    def code_escapes(
        self,
        values: np.ndarray,
        tables: TableSet | None = None,
        places: np.ndarray | None = None,
    ) -> np.ndarray:
        """Decode as many escapes as ``values`` has entries (their contents are ignored) → int64.

        ``tables`` and ``places`` as in ``SymbolWriter.code_escapes``.
        """
        decoded = np.zeros(len(values), dtype=np.int64)
        if len(values):
            lengths = self._decode(self._escape_length, len(values)).astype(np.int64) + 1
            total = int((lengths - 1).sum())
            low = self._decode(self._bit, total) if total else np.zeros(0, dtype=np.int64)
            position = 0
            for i, length in enumerate(lengths.tolist()):
                value = 1
                for bit in low[position : position + length - 1].tolist():
                    value = value << 1 | bit
                position += length - 1
                decoded[i] = value - 1
            self._account.escapes += ESCAPE_LENGTH_BITS * len(values) + total
            if self.observer is not None and tables is not None:
                self.observer.escaped(tables, decoded, places)
        return decoded
