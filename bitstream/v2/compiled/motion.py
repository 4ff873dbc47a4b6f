"""Derived motion, as ``derived_motion`` finds it in NumPy, as instructions that several threads
carry out (``board``), row by row of blocks and of planes.

Vectors are keys (``motion_vectors.keys_of``) until the last step.
"""

from __future__ import annotations

import numpy as np

from ...v1.prediction import VECTOR_LIMIT
from .atomics import at_16, at_64
from .board import next_row, row_done
from .coarse_lines import chosen_row, within_row
from .jit import kernel, part
from .lines import difference, to_future
from .motion_words import (
    AGAIN,
    ASKED,
    BITS,
    BLOCKS_ACROSS,
    BLOCKS_DOWN,
    CHOSEN,
    CODE,
    COUNT,
    DOUBLED,
    FUTURE,
    GREY,
    HALVED,
    HEIGHT,
    INPUT,
    KEY_BITS,
    LEAST,
    LENGTH_COST,
    LIKELY,
    MORE,
    OUTPUT,
    PAST,
    PLACES,
    SAMPLES,
    SEARCH,
    SHIFT,
    WIDTH,
    WITHIN,
)
from .planes import doubled_rows, grey_rows, halved_rows

_HALF = 1 << (KEY_BITS - 1)
_DOWN = 1 << KEY_BITS  # a sample down, as a key
_UNKNOWN = np.iinfo(np.int64).max


@part
def _tried(one, block, expected, key, best, least):
    """The better of the best key so far, with its cost, and another; the earlier of equals."""
    if key == best and least < _UNKNOWN:
        return best, least  # costs what it cost before
    row = (key + _HALF) >> KEY_BITS
    column = key - (row << KEY_BITS)
    from_row = (expected + _HALF) >> KEY_BITS
    from_column = expected - (from_row << KEY_BITS)
    length = one[LENGTH_COST] * (abs(row - from_row) + abs(column - from_column))
    most = least - length
    if most <= 0:
        return best, least
    across, count = one[BLOCKS_ACROSS], one[COUNT]
    shape = one[BITS], one[HEIGHT], one[WIDTH] >> one[BITS], count
    at = block // across * count, (one[BLOCKS_DOWN] + block % across) * count
    onwards = to_future(row, one[PAST], one[FUTURE]), to_future(column, one[PAST], one[FUTURE])
    vectors = row, column, onwards[0], onwards[1]
    cost = difference(at_16(one[SAMPLES]), shape, at_64(one[PLACES]), at, vectors, most)
    return (key, cost + length) if cost < most else (best, least)


@part
def _neighbour(keys, block, size, number):
    """What the block above, below, left or right has; at the edges its own."""
    down, across = size
    row, column = block // across, block % across
    if number == 0:
        return keys[block - across if row else block]
    if number == 1:
        return keys[block + across if row + 1 < down else block]
    if number == 2:
        return keys[block - 1 if column else block]
    return keys[block + 1 if column + 1 < across else block]


@part
def _search(one, row):
    """Of blocks in a row: what is expected, what is around them, no motion, what is likely, and a
    sample away from the best of these.
    """
    across, code = one[BLOCKS_ACROSS], one[CODE]
    size, coarse = (one[BLOCKS_DOWN], across), at_64(one[INPUT])
    out, asked, costs = at_64(one[OUTPUT]), at_64(one[ASKED]), at_64(one[LEAST])
    for block in range(row * across, (row + 1) * across):
        expected = best = 2 * coarse[block]
        least = _UNKNOWN
        if asked[block]:
            best, least = _tried(one, block, expected, expected, best, least)
            if code == SEARCH:
                likely, shift = at_64(one[LIKELY]), one[SHIFT]
                for number in range(4):
                    key = 2 * _neighbour(coarse, block, size, number)
                    best, least = _tried(one, block, expected, key, best, least)
                best, least = _tried(one, block, expected, 0, best, least)
                key = (likely[2 * block] >> shift << KEY_BITS) + (likely[2 * block + 1] >> shift)
                best, least = _tried(one, block, expected, key, best, least)
            around = best if code == SEARCH else expected
            for number in range(4):
                step = (-_DOWN if number == 0 else _DOWN) if number < 2 else 2 * number - 5
                best, least = _tried(one, block, expected, around + step, best, least)
        if code == SEARCH:
            out[block], costs[block] = best, least
        else:
            blocks = size[0] * across
            for component in range(2):
                down = (best + _HALF) >> KEY_BITS
                value = down if component == 0 else best - (down << KEY_BITS)
                value = min(max(value, -VECTOR_LIMIT), VECTOR_LIMIT)
                onwards = to_future(value, one[PAST], one[FUTURE])
                out[2 * block + component] = value
                out[2 * (blocks + block) + component] = onwards


@part
def _again(one, row):
    """Of blocks in a row: what the blocks around have found.  MORE: what was expected, halved."""
    across = one[BLOCKS_ACROSS]
    size, found, coarse = (one[BLOCKS_DOWN], across), at_64(one[INPUT]), at_64(one[MORE])
    out, asked, costs = at_64(one[OUTPUT]), at_64(one[ASKED]), at_64(one[LEAST])
    for block in range(row * across, (row + 1) * across):
        best, least = found[block], costs[block]
        if asked[block]:
            expected = 2 * coarse[block]
            for number in range(4):
                key = _neighbour(found, block, size, number)
                best, least = _tried(one, block, expected, key, best, least)
        out[block] = best


@kernel("void(int64[:, ::1], int64[::1], int64, boolean)")
def run_motion(program, board, samples, leads):
    """Carry out a program, as ``program.run`` does.  samples: of the smallest plane, and no fewer
    than a row of it has with margins.
    """
    scratch = np.empty(samples, dtype=np.int16), np.empty(samples, dtype=np.int16)
    stage, row = next_row(program, board, leads)
    while stage >= 0:
        one = program[stage]
        code = one[CODE]
        if code == GREY:
            grey_rows(one, row)
        elif code == HALVED:
            halved_rows(one, row)
        elif code == DOUBLED:
            doubled_rows(one, row)
        elif code == WITHIN:
            within_row(one, row, scratch)
        elif code == CHOSEN:
            chosen_row(one, row)
        elif code == AGAIN:
            _again(one, row)
        else:
            _search(one, row)
        row_done(board)
        stage, row = next_row(program, board, leads)
