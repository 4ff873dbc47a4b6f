"""The search of derived motion in the smallest planes, as ``line_matching`` does it in NumPy."""

from __future__ import annotations

import numpy as np

from .atomics import at_16, at_32, at_64
from .jit import part
from .lines import to_future
from .motion_words import (
    BLOCKS_ACROSS,
    BLOCKS_DOWN,
    FUTURE,
    HEIGHT,
    INPUT,
    KEY_BITS,
    LENGTH_COST,
    MARGIN,
    OUTPUT,
    PAST,
    PLACE_BITS,
    REACH,
    SIDE,
    WIDTH,
)
from .vectors import distance, lesser, load, plus, store, times, wide


@part
def _differences(planes, size, vectors, work):
    """Absolute differences of two planes along vectors; beyond the edges they go on."""
    height, width = size
    other = height * width
    first = min(max(0, -vectors[1], -vectors[3]), width)  # columns that see nothing beyond them
    last = max(min(width, width - vectors[1], width - vectors[3]), first)
    for row in range(height):
        above = min(max(row + vectors[0], 0), height - 1) * width
        below = other + min(max(row + vectors[2], 0), height - 1) * width
        at, column = row * width, first
        while column + 8 <= last:
            one = load(planes, above + column + vectors[1], 8)
            two = load(planes, below + column + vectors[3], 8)
            store(work, at + column, distance(one, two))
            column += 8
        for place in range(width - column + first):
            column_ = place if place < first else place - first + column
            left = min(max(column_ + vectors[1], 0), width - 1)
            right = min(max(column_ + vectors[3], 0), width - 1)
            work[at + column_] = abs(np.int32(planes[above + left]) - planes[below + right])


@part
def _column_sums(work, size, window, sums):
    """Sums of the rows (first, count, from one to the next) of a window, ``margin`` columns more on
    both sides.
    """
    height, width = size
    top, rows, margin = window
    for column in range(0, width, 8):
        count = min(8, width - column)
        if count == 8:
            total = load(work, min(max(top, 0), height - 1) * width + column, 8)
            for row in range(top + 1, top + rows):
                at = min(max(row, 0), height - 1) * width + column
                total = plus(total, load(work, at, 8))
            store(sums, margin + column, total)
        else:
            for beside in range(column, width):
                found = 0
                for row in range(top, top + rows):
                    found += work[min(max(row, 0), height - 1) * width + beside]
                sums[margin + beside] = found
    for column in range(margin):
        sums[column] = sums[margin]
        sums[margin + width + column] = sums[margin + width - 1]


@part
def within_row(one, row, scratch):
    """The best of the vectors with one component down, of every block: its cost, and where
    across.
    """
    work, sums = scratch
    size, reach, side, margin = (one[HEIGHT], one[WIDTH]), one[REACH], one[SIDE], one[MARGIN]
    blocks, across_blocks = one[BLOCKS_DOWN] * one[BLOCKS_ACROSS], one[BLOCKS_ACROSS]
    planes, out, window = at_16(one[INPUT]), at_32(one[OUTPUT]), side + 2 * margin
    first, down = blocks * row, row - reach
    onwards = to_future(down, one[PAST], one[FUTURE])
    for across in range(-reach, reach + 1):
        vectors = down, across, onwards, to_future(across, one[PAST], one[FUTURE])
        _differences(planes, size, vectors, work)
        length = one[LENGTH_COST] * window * window * (abs(down) + abs(across))
        more = (length << PLACE_BITS) + across + reach
        for block_row in range(one[BLOCKS_DOWN]):
            _column_sums(work, size, (block_row * side - margin, window, margin), sums)
            into, block = first + block_row * across_blocks, 0
            while side == 1 and block + 8 <= across_blocks:
                total = wide(load(sums, block, 8))
                for column in range(block + 1, block + window):
                    total = plus(total, wide(load(sums, column, 8)))
                total = plus(times(total, 1 << PLACE_BITS), more)
                if across > -reach:
                    total = lesser(total, load(out, into + block, 8))
                store(out, into + block, total)
                block += 8
            while block < across_blocks:
                cost = 0
                for column in range(block * side, block * side + window):
                    cost += sums[column]
                cost = (cost << PLACE_BITS) + more
                if across == -reach or cost < out[into + block]:
                    out[into + block] = cost
                block += 1


@part
def chosen_row(one, row):
    """Of blocks in a row, the best of all."""
    across, reach = one[BLOCKS_ACROSS], one[REACH]
    blocks = one[BLOCKS_DOWN] * across
    found, best = at_32(one[INPUT]), at_64(one[OUTPUT])
    for block in range(row * across, (row + 1) * across):
        chosen = 0
        for down in range(1, 2 * reach + 1):
            cost = found[down * blocks + block] >> PLACE_BITS
            if cost < found[chosen * blocks + block] >> PLACE_BITS:
                chosen = down
        place = found[chosen * blocks + block] & ((1 << PLACE_BITS) - 1)
        best[block] = ((chosen - reach) << KEY_BITS) + place - reach
