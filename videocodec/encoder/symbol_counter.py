"""What symbols would take, for whoever codes on trial."""

from __future__ import annotations

import numpy as np

from bitstream.v1.adaptive_tables import TableSet
from bitstream.v1.symbol_coder import SymbolWriter, escape_bits


class SymbolCounter(SymbolWriter):
    """Counts bits, and learns, as a writer does, and writes nothing: ``finish`` gives no bytes."""

    def code(
        self,
        tables: TableSet,
        ids: np.ndarray,
        symbols: np.ndarray,
        places: np.ndarray | None = None,
    ) -> np.ndarray:
        """As a writer, and no observer is told."""
        if len(ids):
            self._account.open(tables)
            tables.learn(ids, symbols)
        return symbols

    def code_escapes(
        self,
        values: np.ndarray,
        tables: TableSet | None = None,
        places: np.ndarray | None = None,
    ) -> np.ndarray:
        """As a writer, and no observer is told."""
        self._account.escapes += float(escape_bits(values).sum())
        return values

    def finish(self) -> bytes:
        """Nothing."""
        return b""
