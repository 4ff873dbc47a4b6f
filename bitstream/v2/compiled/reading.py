"""A reader of payloads by kernels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...errors import BitstreamError
from ...v1.adaptive_tables import TableSet
from ...v1.symbol_coder import SymbolReader, payload_words
from .range_coder import POINT, RANGE, TAKEN, decode_escapes, decode_symbols

_STATE, _WORDS_OF_STATE = 4, 2


class CompiledReader(SymbolReader):
    """``SymbolReader`` that nobody observes.

    source: its state and its words, as kernels take them.
    """

    def __init__(self, data: bytes) -> None:
        """Raises ``TruncatedStreamError``."""
        self.observer = None
        words = payload_words(data)
        state = np.zeros(_STATE, dtype=np.uint64)
        state[RANGE] = np.iinfo(np.uint64).max
        state[TAKEN] = _WORDS_OF_STATE
        high, low = (*words[:_WORDS_OF_STATE].tolist(), 0, 0)[:_WORDS_OF_STATE]
        state[POINT] = high << 32 | low
        self.source = state, words
        self._bits = 0.0

    @property
    def bits(self) -> float:
        """Ideal code length so far, in bits."""
        return self._bits

    def spend(self, bits: float) -> float:
        """Count bits that a kernel says were spent.  Raises ``BitstreamError`` for -1, damage."""
        if bits < 0:
            raise BitstreamError("entropy-coded payload is damaged: a point beyond all intervals")
        self._bits += bits
        return bits

    def code(
        self,
        tables: TableSet,
        ids: npt.NDArray[np.int64],
        symbols: npt.NDArray[np.int64] | None = None,
        places: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.int64]:
        """As of ``SymbolReader``."""
        decoded = np.empty(len(ids), dtype=np.int64)
        if len(ids):
            whole = np.require(ids, np.int64, "C")
            bits = decode_symbols(self.source, tables.arrays(), tables.increment, whole, decoded)
            tables.spend(self.spend(bits))
        return decoded

    def code_escapes(
        self,
        values: npt.NDArray[np.int64],
        tables: TableSet | None = None,
        places: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.int64]:
        """As of ``SymbolReader``."""
        decoded = np.empty(len(values), dtype=np.int64)
        self.spend(decode_escapes(*self.source, decoded))
        return decoded
