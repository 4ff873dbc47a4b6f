"""Adaptive frequency tables: what symbols are coded under, and how that follows from those before.

All arithmetic is on integers.  constriction takes floats, but it quantises w to cdf_i =
floor(sum(w[:i]) · free / sum(w)) + i with free = 2^24 - n (n symbols).  With w_i = F_i - 1 and
sum(F) = 2^24 the factor is exactly 1 and all sums are integers below 2^53, so the coder works with
the integer frequencies F = 256 · f themselves; tests/bitstream/v1/test_symbol_coder.py probes every
one.
"""

from __future__ import annotations

from collections.abc import Callable

import constriction
import numpy as np
import numpy.typing as npt

FREQUENCY_BITS = 16
FREQUENCY_TOTAL = 1 << FREQUENCY_BITS
_CODER_SCALE = 1 << (24 - FREQUENCY_BITS)
COUNT_LIMIT = 1 << 24  # counts of a table are halved between frames when their sum has passed this

Categorical = constriction.stream.model.Categorical


def uniform_model(symbols: int) -> object:
    """Equal frequencies over a power of two of symbols."""
    return Categorical(np.full(symbols, float((1 << 24) // symbols - 1)), perfect=False)


def _weights(frequencies: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return (frequencies * _CODER_SCALE - 1).astype(np.float64)


# Changes counts and frequencies (tables, symbols) of the tables (n,) in place.
Renew = Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]], None]


def renew_frequencies(
    counts: npt.NDArray[np.int64],
    frequencies: npt.NDArray[np.int64],
    tables: npt.NDArray[np.int64],
) -> None:
    """The frequencies of tables (n,) that follow from their counts, which are halved where there
    are many.
    """
    some = counts[tables]
    total, symbols = some.sum(1), some.shape[1]
    if total.max() > COUNT_LIMIT:
        large = total > COUNT_LIMIT
        some[large] = (some[large] + 1) >> 1
        counts[tables] = some
        total = some.sum(1)
    # Exact: the products stay below 2^42, and quotients of such integers lie further from the next
    # integer than float64 rounds.
    shares = np.floor(some * float(FREQUENCY_TOTAL - symbols) / total[:, None]).astype(np.int64) + 1
    shares[np.arange(len(tables)), some.argmax(1)] += FREQUENCY_TOTAL - shares.sum(1)
    frequencies[tables] = shares


class TableSet:
    """Adaptive frequency tables, shape (tables, symbols): frequencies of 16 bits that add up to
    65536, none zero.

    ``priors`` are such frequencies; ``name`` says to observers what is coded under the tables.  A
    symbol coded adds ``increment`` to its count; counts start at the priors, so a table forgets its
    prior after about 65536 / increment symbols.  Frequencies follow from counts as
    f = 1 + floor(count · (65536 - n) / total), and the rest goes to the symbol with the largest
    count (the first of equals).
    """

    def __init__(self, priors: np.ndarray, increment: int, name: str = "") -> None:
        priors = np.asarray(priors, dtype=np.int64)
        if priors.ndim != 2 or (priors < 1).any() or (priors.sum(1) != FREQUENCY_TOTAL).any():
            raise ValueError("priors: every row must hold frequencies >= 1 that add up to 65536")
        self._counts = priors.copy()
        self.frequencies = priors.copy()
        self._weights: npt.NDArray[np.float64] | None = None
        self._costs: np.ndarray | None = None
        self.increment, self.name = increment, name
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
    def weights(self) -> npt.NDArray[np.float64]:
        """(tables, symbols) what constriction is given for the frequencies in use."""
        if self._weights is None:
            self._weights = _weights(self.frequencies)
        return self._weights

    @property
    def counts(self) -> np.ndarray:
        """(tables, symbols) int64."""
        self._count()
        return self._counts

    def update(self, renew: Renew | None = None) -> None:
        """Bring all frequencies up to date with the counts.

        Both sides do so before every frame, and only then: between, models are reused, which is
        most of the speed, and costs half a percent of the bits.

        renew: what does the work of ``renew_frequencies``.
        """
        self._count()
        stale = self._stale.nonzero()[0]
        if not len(stale):
            return
        (renew or renew_frequencies)(self._counts, self.frequencies, stale)
        self._weights = self._costs = None
        self._stale[stale] = False
        if self._models:
            for table in stale.tolist():
                self._models.pop(table, None)

    def arrays(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Frequencies in use, (tables, symbols); counts, and (tables,) of which tables they are
        newer than the frequencies: for readers that learn by changing these two themselves.
        """
        self._count()
        return self.frequencies, self._counts, self._stale

    def spend(self, bits: float) -> None:
        """What a reader has learnt in that way was coded in so many bits."""
        self._spent += bits

    def model(self, table: int) -> object:
        """constriction's entropy model of one table, kept until the frequencies change."""
        model = self._models.get(table)
        if model is None:
            model = self._models[table] = Categorical(self.weights[table], perfect=False)
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
        other._counts, other.frequencies = self._counts.copy(), self.frequencies.copy()
        other._weights, other._costs = self._weights, self._costs
        other.increment, other.name = self.increment, self.name
        other._models, other._stale = dict(self._models), self._stale.copy()
        other._coded, other._spent = [], self._spent
        return other

    def __getstate__(self) -> dict[str, object]:
        """For pickling: without what follows from the rest."""
        self._count()
        return {**vars(self), "_weights": None, "_models": None, "_costs": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state, _models={})
