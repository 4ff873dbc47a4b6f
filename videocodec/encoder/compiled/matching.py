"""Blocks matched by sums of absolute differences, as ``block_matching`` and ``coarse_matching`` do
it.
"""

from __future__ import annotations

import numpy as np

from bitstream.v2.compiled.jit import part
from bitstream.v2.compiled.vectors import (
    distance,
    lesser,
    load,
    plus,
    store,
    times,
    total,
    wide,
)

from .jit import kernel

_WIDTH = 8  # samples at once
_SHIFTS = 16  # shifts at once
_REST = 8
_ROW_BITS = 6  # of a shift down, beside a sum


@part
def _difference(current, reference, geometry, corner, down, across):
    """Of a block, from where a vector in halves of a pixel points."""
    side, by_phase, by_row, margin, last_row, last_column = geometry
    row, column = corner
    top = min(max(row + (down >> 1) + margin, 0), last_row)
    left = min(max(column + (across >> 1) + margin, 0), last_column)
    other = (2 * (down & 1) + (across & 1)) * by_phase + top * by_row + left
    one = (row + margin) * by_row + column + margin
    found = 0
    for first in range(0, side, _WIDTH):
        sums = distance(load(current, one + first, _WIDTH), load(reference, other + first, _WIDTH))
        for line in range(1, side):
            place = line * by_row + first
            sums = plus(
                sums,
                distance(
                    load(current, one + place, _WIDTH), load(reference, other + place, _WIDTH)
                ),
            )
        found += total(sums)
    return found


@kernel("void(int16[::1], int16[::1], UniTuple(int64, 6), int64, int64[:, :, ::1], int64[:, ::1])")
def differences(current, reference, geometry, columns, vectors, out):
    """``MatchedLuma.sums``: of fields (n, blocks, 2).  geometry: of squares of luma; columns: of
    blocks.
    """
    side = geometry[0]
    for field in range(len(vectors)):
        for block in range(vectors.shape[1]):
            down, across = vectors[field, block, 0], vectors[field, block, 1]
            same = 0  # the first field that has the vector here
            while vectors[same, block, 0] != down or vectors[same, block, 1] != across:
                same += 1
            if same < field:
                out[field, block] = out[same, block]
                continue
            corner = block // columns * side, block % columns * side
            out[field, block] = _difference(current, reference, geometry, corner, down, across)


@part
def _least_of_square(pictures, geometry, square, trials):
    """Which of some vectors (n, 2), the first of equals, suits all blocks of a square best; square:
    first and last row and column of its blocks, the last ones excluded.
    """
    top, bottom, left, right = square
    best, least = 0, np.iinfo(np.int64).max
    for trial in range(len(trials)):
        down, across = trials[trial, 0], trials[trial, 1]
        known = False
        for earlier in range(trial):
            known |= trials[earlier, 0] == down and trials[earlier, 1] == across
        if known:
            continue
        found = 0
        for row in range(top, bottom):
            if found >= least:
                break
            for column in range(left, right):
                corner = row * geometry[0], column * geometry[0]
                found += _difference(pictures[0], pictures[1], geometry, corner, down, across)
        if found < least:
            best, least = trial, found
    return best


@kernel(
    "void(UniTuple(int16[::1], 2), UniTuple(int64, 6), UniTuple(int64, 2), int64[:, ::1],"
    " int64[::1], int64[:, :, ::1])"
)
def squares(pictures, geometry, shape, vectors, sides, out):
    """``block_matching.matched_squares``: of vectors (blocks, 2), a field (blocks, 2) of every
    side.

    pictures: both, flat.  geometry: of squares of luma.  shape: rows and columns of blocks.
    """
    height, width = shape
    trials = np.empty((4, 2), dtype=np.int64)
    for index in range(len(sides)):
        side = sides[index]
        before = vectors if index == 0 else out[index - 1]
        for top in range(0, height, side):
            for left in range(0, width, side):
                for trial in range(4):
                    row = min(top + (trial >> 1) * (side >> 1), height - 1)
                    column = min(left + (trial & 1) * (side >> 1), width - 1)
                    trials[trial, 0] = before[row * width + column, 0]
                    trials[trial, 1] = before[row * width + column, 1]
                bottom, right = min(top + side, height), min(left + side, width)
                square = top, bottom, left, right
                best = _least_of_square(pictures, geometry, square, trials)
                for row in range(top, bottom):
                    for column in range(left, right):
                        out[index, row * width + column, 0] = trials[best, 0]
                        out[index, row * width + column, 1] = trials[best, 1]


@part
def _price(bits, centre, block, scales, down, across):
    """Of what a vector differs from where it costs nothing."""
    by_row = abs((down << scales[0]) - centre[block, 0])
    by_column = abs((across << scales[0]) - centre[block, 1])
    return bits[min(by_row, len(bits) - 1)] + bits[min(by_column, len(bits) - 1)]


@kernel(
    "void(UniTuple(int16[::1], 2), Tuple((UniTuple(int64, 6), int64)), int64[:, :, ::1],"
    " int64[:, ::1], Tuple((int64[::1], UniTuple(int64, 2))), Tuple((int64[::1], int64[:, ::1])),"
    " int64[:, ::1])"
)
def matched(pictures, shape, trials, centre, prices, rounds, best):
    """``BlockMatcher.__call__`` from fields to begin with, (n, blocks, 2) → best (blocks, 2).

    pictures: both, flat.  shape: geometry of squares of luma, columns of blocks.  centre (blocks,
    2): where vectors cost nothing.  prices: of what vectors differ from it by, in
    ``1 << scales[0]`` parts of theirs; scales[1]: by how many bits a grey level is more than a unit
    of costs.  rounds: their steps, and where they look, (n, 2).
    """
    (current, reference), (geometry, columns) = pictures, shape
    (bits, scales), (steps, around) = prices, rounds
    side = geometry[0]
    for block in range(trials.shape[1]):
        corner = block // columns * side, block % columns * side
        least = np.iinfo(np.int64).max
        row, column = 0, 0
        for field in range(len(trials)):
            down, across = trials[field, block, 0], trials[field, block, 1]
            cost = _price(bits, centre, block, scales, down, across)
            if cost < least:
                found = _difference(current, reference, geometry, corner, down, across)
                cost += found << scales[1]
                if cost < least:
                    least, row, column = cost, down, across
        for step in steps:
            from_row, from_column = row, column
            for each in range(len(around)):
                down = from_row + step * around[each, 0]
                across = from_column + step * around[each, 1]
                cost = _price(bits, centre, block, scales, down, across)
                if cost < least:
                    found = _difference(current, reference, geometry, corner, down, across)
                    cost += found << scales[1]
                    if cost < least:
                        least, row, column = cost, down, across
        best[block, 0], best[block, 1] = row, column


@kernel(
    "void(int16[:, ::1], int16[:, ::1], int64, UniTuple(int64, 2), UniTuple(int64, 2),"
    " boolean[:, ::1], int64[:, :, ::1])"
)
def coarse(current, around, side, reach, start, wanted, best):
    """``coarse_matching.best_shifts``.

    reach: rows and columns.  around: the reference, from so many more samples on all sides that
    shifts begin at ``start``, and some more to the right.
    """
    pixels, pitch = side * side, around.shape[1]
    spread = np.empty(pixels * _SHIFTS, np.int16)
    best_sums = np.empty(_SHIFTS + _REST, np.int32)
    flat = around.reshape(-1)
    for row in range(best.shape[0]):
        for column in range(best.shape[1]):
            best[row, column, 0], best[row, column, 1] = 0, 0
            if not wanted[row, column]:
                continue
            for pixel in range(pixels):
                down, across = pixel // side, pixel % side
                seen = current[row * side + down, column * side + across]
                for each in range(_SHIFTS):
                    spread[pixel * _SHIFTS + each] = seen
            for each in range(_SHIFTS + _REST):
                best_sums[each] = np.iinfo(np.int32).max
            for shift in range(2 * reach[0] + 1):
                place = (row * side + start[0] + shift) * pitch + column * side + start[1]
                seen_first = load(spread, 0, _SHIFTS)
                first = distance(seen_first, load(flat, place, _SHIFTS))
                rest = distance(load(spread, 0, _REST), load(flat, place + _SHIFTS, _REST))
                for pixel in range(1, pixels):
                    at = place + pixel // side * pitch + pixel % side
                    first = plus(
                        first,
                        distance(load(spread, pixel * _SHIFTS, _SHIFTS), load(flat, at, _SHIFTS)),
                    )
                    rest = plus(
                        rest,
                        distance(
                            load(spread, pixel * _SHIFTS, _REST), load(flat, at + _SHIFTS, _REST)
                        ),
                    )
                # A sum and the row it is of in one number, so that the first row of the best stays.
                further = (abs(shift - reach[0]) << _ROW_BITS) + shift
                one = plus(times(wide(first), 1 << _ROW_BITS), further)
                store(best_sums, 0, lesser(load(best_sums, 0, _SHIFTS), one))
                other = plus(times(wide(rest), 1 << _ROW_BITS), further)
                store(best_sums, _SHIFTS, lesser(load(best_sums, _SHIFTS, _REST), other))
            least = np.iinfo(np.int64).max
            for beside in range(2 * reach[1] + 1):
                cost = np.int64(best_sums[beside]) + (abs(beside - reach[1]) << _ROW_BITS)
                # Among equals the first row, and in it the first column.
                if cost < least:
                    least = cost
                    best[row, column, 0] = (cost & ((1 << _ROW_BITS) - 1)) - reach[0]
                    best[row, column, 1] = beside - reach[1]
