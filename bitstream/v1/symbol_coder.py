"""Range coding of integer symbols under adaptive integer frequency tables (constriction's 32-bit
range coder).

A ``TableSet`` holds many tables over one alphabet and learns from what was coded.  Symbols of one
call are coded grouped by table, so that a library loop replaces a Python loop: within a call,
tables in ascending order, and the symbols of a table in the order given.  ``SymbolWriter`` and
``SymbolReader`` have the same method, so that syntax is written once for both directions.

constriction takes floats, but it quantises w to cdf_i = floor(sum(w[:i]) · free / sum(w)) + i with
free = 2^24 - n (n symbols).  With w_i = F_i - 1 and sum(F) = 2^24 the factor is exactly 1 and all
sums are integers below 2^53, so the coder works with the integer frequencies F = 256 · f
themselves; tests/bitstream/test_symbol_coder.py probes every one.
"""

from __future__ import annotations

from collections.abc import Iterator

import constriction
import numpy as np

from ..errors import BitstreamError, TruncatedStreamError

FREQUENCY_BITS = 16
FREQUENCY_TOTAL = 1 << FREQUENCY_BITS
_CODER_SCALE = 1 << (24 - FREQUENCY_BITS)
COUNT_LIMIT = 1 << 24  # counts of a table are halved between frames when their sum has passed this
ESCAPE_LENGTHS = 16  # an escape's binary length is 1..16

# In calls of up to so many symbols times alphabet, building a model for every symbol takes less
# time than sorting out those of a table.
SINGLY = 1 << 15

_Categorical = constriction.stream.model.Categorical
_EACH = _Categorical(perfect=False)  # takes the weights of every symbol with it


def _uniform_model(symbols: int) -> object:
    """Equal frequencies over a power of two of symbols."""
    return _Categorical(np.full(symbols, float((1 << 24) // symbols - 1)), perfect=False)


def _weights(frequencies: np.ndarray) -> np.ndarray:
    return (frequencies * _CODER_SCALE - 1).astype(np.float64)


class TableSet:
    """Adaptive frequency tables, shape (tables, symbols): frequencies of 16 bits that add up to
    65536, none zero.

    ``priors`` are such frequencies.  A symbol coded adds ``increment`` to its count; counts start
    at the priors, so a table forgets its prior after about 65536 / increment symbols.  Frequencies
    follow from counts as f = 1 + floor(count · (65536 - n) / total), and the rest goes to the
    symbol with the largest count (the first of equals).
    """

    def __init__(self, priors: np.ndarray, increment: int) -> None:
        priors = np.asarray(priors, dtype=np.int64)
        if priors.ndim != 2 or (priors < 1).any() or (priors.sum(1) != FREQUENCY_TOTAL).any():
            raise ValueError("priors: every row must hold frequencies >= 1 that add up to 65536")
        self._counts = priors.copy()
        self.frequencies = priors.copy()
        self.weights = _weights(self.frequencies)  # what constriction is given
        self._costs: np.ndarray | None = None
        self.increment = increment
        self._models: dict[int, object] = {}
        self._coded: list[np.ndarray] = []  # flat indices of what was coded and is not counted yet
        self._spent = 0.0
        self._stale = np.zeros(len(priors), dtype=bool)

    @property
    def costs(self) -> np.ndarray:
        """(tables, symbols) bits of every symbol under the frequencies in use, for encoders'
        decisions.
        """
        if self._costs is None:
            self._costs = FREQUENCY_BITS - np.log2(self.frequencies)
        return self._costs

    @property
    def counts(self) -> np.ndarray:
        """(tables, symbols) int64."""
        self._count()
        return self._counts

    def update(self) -> None:
        """Bring all frequencies up to date with the counts.

        Both sides do so before every frame, and only then: between, models are reused, which is
        most of the speed, and costs half a percent of the bits.
        """
        self._count()
        stale = np.flatnonzero(self._stale)
        if not len(stale):
            return
        counts = self._counts[stale]
        total, symbols = counts.sum(1), counts.shape[1]
        if total.max() > COUNT_LIMIT:
            large = total > COUNT_LIMIT
            counts[large] = (counts[large] + 1) >> 1
            self._counts[stale] = counts
            total = counts.sum(1)
        # Exact: the products stay below 2^42, and quotients of such integers lie further from the
        # next integer than float64 rounds.
        frequencies = (
            np.floor(counts * float(FREQUENCY_TOTAL - symbols) / total[:, None]).astype(np.int64)
            + 1
        )
        frequencies[np.arange(len(stale)), counts.argmax(1)] += FREQUENCY_TOTAL - frequencies.sum(1)
        self.frequencies[stale] = frequencies
        self.weights[stale] = _weights(frequencies)
        self._costs = None
        self._stale[stale] = False
        if self._models:
            for table in stale.tolist():
                self._models.pop(table, None)

    def model(self, table: int) -> object:
        """constriction's entropy model of one table, kept until the frequencies change."""
        model = self._models.get(table)
        if model is None:
            model = self._models[table] = _Categorical(self.weights[table], perfect=False)
        return model

    def learn(self, tables: np.ndarray, symbols: np.ndarray) -> None:
        """Take note of coded symbols (n,), each under its table; frequencies change with the next
        ``update``.
        """
        self._coded.append(tables * self._counts.shape[1] + symbols)

    def spent(self) -> float:
        """Ideal code length of all that was learnt since this set was made, in bits under the
        tables in use at the time.
        """
        self._count()
        return self._spent

    def _count(self) -> None:
        """Count what was coded: once a frame rather than once a call."""
        if self._coded:
            entries = np.concatenate(self._coded)
            self._coded.clear()
            np.add.at(self._counts.reshape(-1), entries, self.increment)
            self._stale[entries // self._counts.shape[1]] = True
            self._spent += float(
                FREQUENCY_BITS * len(entries)
                - np.log2(self.frequencies.reshape(-1).take(entries)).sum()
            )

    def copy(self) -> TableSet:
        """An independent copy, for encoders that try and take back."""
        self._count()
        other = object.__new__(TableSet)
        other._counts, other.frequencies, other.weights = (
            self._counts.copy(),
            self.frequencies.copy(),
            self.weights.copy(),
        )
        other._costs = self._costs
        other.increment, other._models, other._stale = (
            self.increment,
            dict(self._models),
            self._stale.copy(),
        )
        other._coded, other._spent = [], self._spent
        return other

    def __getstate__(self) -> dict[str, object]:
        """For pickling: without what follows from the rest."""
        self._count()
        return {**vars(self), "weights": None, "_models": None, "_costs": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state, weights=_weights(state["frequencies"]), _models={})


class _Account:
    """What one coder has spent, over all table sets it was used with."""

    def __init__(self) -> None:
        self._before: dict[TableSet, float] = {}
        self.escapes = 0.0

    def open(self, tables: TableSet) -> None:
        """From now on count what is spent under ``tables``."""
        if tables not in self._before:
            self._before[tables] = tables.spent()

    def bits(self) -> float:
        """Ideal code length so far."""
        return self.escapes + sum(
            tables.spent() - before for tables, before in self._before.items()
        )


def _singly(tables: TableSet, ids: np.ndarray) -> bool:
    return len(ids) * tables.frequencies.shape[1] <= SINGLY


def _by_table(ids: np.ndarray) -> np.ndarray:
    """The order on the wire.  16-bit numbers are sorted by digits, which takes a fifth of the time
    of comparing long lists.
    """
    return ids.astype(np.int16).argsort(kind="stable")


def _runs(ids: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """(table, start, stop) of all runs of equal numbers; ``ids`` must be sorted and not empty."""
    starts = [0, *((ids[1:] != ids[:-1]).nonzero()[0] + 1).tolist()]
    return zip(ids.take(starts).tolist(), starts, [*starts[1:], len(ids)])


class SymbolWriter:
    """Encodes symbols; ``finish()`` gives the bytes."""

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()
        self._escape_length, self._bit = _uniform_model(ESCAPE_LENGTHS), _uniform_model(2)
        self._account = _Account()

    @property
    def bits(self) -> float:
        """Ideal code length so far, in bits."""
        return self._account.bits()

    def code(self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """Encode ``symbols`` (n,) each under the table in ``ids`` (n,) and learn; returns the
        symbols.
        """
        if len(ids):
            self._account.open(tables)
            order = _by_table(ids)
            ordered, sorted_ids = symbols[order].astype(np.int32), ids[order]
            if _singly(tables, ids):
                self._coder.encode(ordered, _EACH, tables.weights[sorted_ids])
            else:
                for table, start, stop in _runs(sorted_ids):
                    self._coder.encode(ordered[start:stop], tables.model(table))
            tables.learn(ids, symbols)
        return symbols

    def code_escapes(self, values: np.ndarray) -> np.ndarray:
        """Encode values 0..65534 (n,) in Elias-gamma form with equal probabilities: all lengths,
        then all low bits.
        """
        if len(values):
            lengths = np.array([int(v + 1).bit_length() for v in values], dtype=np.int32)
            self._coder.encode(lengths - 1, self._escape_length)
            low = [
                (int(v + 1) >> shift) & 1
                for v, n in zip(values, lengths)
                for shift in range(n - 2, -1, -1)
            ]
            if low:
                self._coder.encode(np.array(low, dtype=np.int32), self._bit)
            self._account.escapes += 4 * len(values) + len(low)
        return values

    def finish(self) -> bytes:
        """All words, little-endian."""
        return self._coder.get_compressed().astype("<u4").tobytes()


def _damaged(error: Exception) -> BitstreamError:
    """For constriction's "invalid data"."""
    return BitstreamError(f"entropy-coded payload is damaged: {error}")


class SymbolReader:
    """Decodes what a ``SymbolWriter`` wrote.

    Bits that were never written decode to something, never to a crash.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) % 4:
            raise TruncatedStreamError(
                f"entropy-coded payload must be whole 32-bit words, got {len(data)} bytes"
            )
        self._coder = constriction.stream.queue.RangeDecoder(
            np.frombuffer(data, dtype="<u4").astype(np.uint32)
        )
        self._escape_length, self._bit = _uniform_model(ESCAPE_LENGTHS), _uniform_model(2)
        self._account = _Account()

    @property
    def bits(self) -> float:
        """Ideal code length so far, in bits."""
        return self._account.bits()

    def _decode(self, model: object, count: int) -> np.ndarray:
        try:
            return self._coder.decode(model, count)
        except (AssertionError, ValueError) as error:
            raise _damaged(error) from error

    def code(
        self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray | None = None
    ) -> np.ndarray:
        """Decode one symbol per entry of ``ids`` (n,) → int64 (n,), and learn.

        ``symbols`` is ignored.
        """
        if not len(ids):
            return np.zeros(0, dtype=np.int64)
        self._account.open(tables)
        order = _by_table(ids)
        sorted_ids = ids[order]
        decode = self._coder.decode
        try:
            if _singly(tables, ids):
                found = decode(_EACH, tables.weights[sorted_ids])
            else:
                found = np.concatenate(
                    [
                        decode(tables.model(table), stop - start)
                        for table, start, stop in _runs(sorted_ids)
                    ]
                )
        except (AssertionError, ValueError) as error:
            raise _damaged(error) from error
        decoded = np.empty(len(ids), dtype=np.int64)
        decoded[order] = found
        tables.learn(ids, decoded)
        return decoded

    def code_escapes(self, values: np.ndarray) -> np.ndarray:
        """Decode as many escapes as ``values`` has entries (their contents are ignored) → int64."""
        out = np.zeros(len(values), dtype=np.int64)
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
                out[i] = value - 1
            self._account.escapes += 4 * len(values) + total
        return out
