"""Range decoding and adaptive tables, as ``symbol_coder`` does them with constriction, and
``adaptive_tables`` in NumPy.

A decoder's state is (lower, range, point, words taken, bits spent) with the words in an array; all
but the bits are integers of 64 bits that wrap around.
"""

from __future__ import annotations

from math import log2

import numpy as np

from ...v1.adaptive_tables import COUNT_LIMIT, FREQUENCY_BITS, FREQUENCY_TOTAL
from ...v1.symbol_coder import ESCAPE_LENGTH_BITS
from .jit import kernel, part

LOWER, RANGE, POINT, TAKEN = range(4)
DAMAGED = 1  # what kernels return for a point beyond all intervals
_CODER_BITS = 24
_MORE_BITS = np.uint64(_CODER_BITS - FREQUENCY_BITS)
_SCALE_BITS, _WORD_BITS = np.uint64(_CODER_BITS), np.uint64(32)
_LEAST_RANGE = np.uint64(1 << 32)
_ESCAPE_SHIFT = np.uint64(_CODER_BITS - ESCAPE_LENGTH_BITS)
_BIT_SHIFT = np.uint64(_CODER_BITS - 1)
_NONE = np.uint64(0)


@part
def _narrow(state, words, scale, left, frequency):
    """Take the interval of a symbol, and another word where few are left; in units of ``scale``."""
    state[LOWER] += scale * left
    state[RANGE] = scale * frequency
    if state[RANGE] < _LEAST_RANGE:
        state[LOWER] <<= _WORD_BITS
        state[RANGE] <<= _WORD_BITS
        state[POINT] <<= _WORD_BITS
        if state[TAKEN] < np.uint64(len(words)):
            state[POINT] |= np.uint64(words[state[TAKEN]])
        state[TAKEN] += np.uint64(1)


@part
def _target(state):
    """What a unit of the range is, and how many of them the point lies in."""
    scale = state[RANGE] >> _SCALE_BITS
    return scale, (state[POINT] - state[LOWER]) // scale


@part
def _uniform(state, words, shift):
    """A symbol of equal frequencies of 2^shift; -1 for damage."""
    scale, target = _target(state)
    symbol = target >> shift
    if symbol >= np.uint64(1) << (_SCALE_BITS - shift):
        return np.int64(-1)
    _narrow(state, words, scale, symbol << shift, np.uint64(1) << shift)
    return np.int64(symbol)


@part
def decode_one(state, words, frequencies):
    """A symbol under frequencies (symbols,); -1 for damage."""
    scale, target = _target(state)
    place, left = np.int64(target >> _MORE_BITS), np.int64(0)
    if place >= FREQUENCY_TOTAL:
        return np.int64(-1)
    symbol = 0
    while place >= left + frequencies[symbol]:
        left += frequencies[symbol]
        symbol += 1
    frequency = np.uint64(frequencies[symbol]) << _MORE_BITS
    _narrow(state, words, scale, np.uint64(left) << _MORE_BITS, frequency)
    return np.int64(symbol)


@part
def decode_runs(reader, tables, increment, ids, order, out):
    """Decode the symbols at the places in ``order``, each under the table in ``ids``, and learn →
    bits spent, -1 for damage.

    tables: frequencies, counts and which tables are stale, both last changed.
    """
    state, words = reader
    frequencies, counts, stale = tables
    bits = 0.0
    for place in order:
        table = ids[place]
        symbol = decode_one(state, words, frequencies[table])
        if symbol < 0:
            return -1.0
        out[place] = symbol
        counts[table, symbol] += increment
        stale[table] = True
        bits += FREQUENCY_BITS - log2(np.float64(frequencies[table, symbol]))
    return bits


@part
def decode_escape_values(state, words, values, count):
    """The first so many ``values``: all lengths, then all low bits → bits spent, -1 for damage."""
    bits = 0.0
    for place in range(count):
        values[place] = _uniform(state, words, _ESCAPE_SHIFT)
        if values[place] < 0:
            return -1.0
    for place in range(count):
        length, value = values[place], np.int64(1)
        for _ in range(length):
            bit = _uniform(state, words, _BIT_SHIFT)
            if bit < 0:
                return -1.0
            value = value << 1 | bit
        values[place] = value - 1
        bits += ESCAPE_LENGTH_BITS + length
    return bits


@part
def decode_by_table(reader, tables, increment, ids, out):
    """As ``decode_symbols``."""
    frequencies = tables[0]
    starts = np.zeros(len(frequencies) + 1, dtype=np.int64)
    for table in ids:
        starts[table + 1] += 1
    for table in range(len(frequencies)):
        starts[table + 1] += starts[table]
    order = np.empty(len(ids), dtype=np.int64)
    for place in range(len(ids)):
        order[starts[ids[place]]] = place
        starts[ids[place]] += 1
    return decode_runs(reader, tables, increment, ids, order, out)


@kernel(
    "float64(Tuple((uint64[::1], uint32[::1])),"
    " Tuple((int64[:, ::1], int64[:, ::1], boolean[::1])), int64, int64[::1], int64[::1])"
)
def decode_symbols(reader, tables, increment, ids, out):
    """``SymbolReader.code``: by table, and of a table in order → bits spent, -1 for damage.

    reader: state and words.  tables: frequencies, counts, stale.
    """
    return decode_by_table(reader, tables, increment, ids, out)


@kernel("float64(uint64[::1], uint32[::1], int64[::1])")
def decode_escapes(state, words, values):
    """``SymbolReader.code_escapes`` → bits spent, -1 for damage."""
    return decode_escape_values(state, words, values, len(values))


@kernel("void(int64[:, ::1], int64[:, ::1], int64[::1])")
def renew(counts, frequencies, stale):
    """``adaptive_tables.renew_frequencies``."""
    symbols = counts.shape[1]
    for table in stale:
        total, most, left = np.int64(0), 0, np.int64(FREQUENCY_TOTAL)
        for symbol in range(symbols):
            total += counts[table, symbol]
        if total > COUNT_LIMIT:
            total = np.int64(0)
            for symbol in range(symbols):
                counts[table, symbol] = (counts[table, symbol] + 1) >> 1
                total += counts[table, symbol]
        for symbol in range(symbols):
            if counts[table, symbol] > counts[table, most]:
                most = symbol
            share = counts[table, symbol] * (FREQUENCY_TOTAL - symbols) // total + 1
            frequencies[table, symbol] = share
            left -= share
        frequencies[table, most] += left
