"""What is counted is what writing takes, and tables learn the same."""

from __future__ import annotations

import numpy as np

from bitstream.v1.adaptive_tables import TableSet
from bitstream.v1.symbol_coder import SymbolWriter
from videocodec.encoder.symbol_counter import SymbolCounter


def tables() -> TableSet:
    return TableSet(np.array([[60000, 5000, 536], [20000, 20000, 25536]]), 32)


def test_bits_and_counts_are_those_of_a_writer() -> None:
    random = np.random.default_rng(0)
    ids, symbols = random.integers(0, 2, 500), random.integers(0, 3, 500)
    escapes = np.array([0, 1, 5, 65534])
    known: list[tuple[float, np.ndarray]] = []
    for io in (SymbolWriter(), SymbolCounter()):
        under = tables()
        assert np.array_equal(io.code(under, ids, symbols), symbols)
        assert np.array_equal(io.code_escapes(escapes), escapes)
        known.append((io.bits, under.counts))
    (bits, counts), (counted, learnt) = known
    assert np.isclose(bits, counted) and np.array_equal(counts, learnt)


def test_nothing_is_written() -> None:
    counter = SymbolCounter()
    counter.code(tables(), np.zeros(9, np.int64), np.ones(9, np.int64))
    assert counter.finish() == b"" and counter.bits > 0
