"""Comparison of two planes along lines, as ``line_matching`` does it in NumPy.

Vectors come as keys (``motion_vectors.keys_of``).  Planes come spread: (step, h, w / step), so that
samples which are ``step`` apart lie side by side.
"""

from __future__ import annotations

import numpy as np

from ...v1.prediction import VECTOR_LIMIT
from .jit import kernel, part
from .vectors import distance, load, plus, total

_KEY_BITS = 32
_HALF = 1 << (_KEY_BITS - 1)
_MOST_ROWS = 32  # whose differences, up to 1020 each, 16 bits hold
_UNKNOWN = np.iinfo(np.int64).max


@kernel("void(int16[:, ::1], int64, int16[:, :, ::1])")
def spread(plane, step, out):
    """Samples of a plane (h, w) that are ``step`` apart side by side, (step, h, w / step)."""
    for row in range(out.shape[1]):
        if step == 4:
            for place in range(out.shape[2]):
                for phase in range(4):
                    out[phase, row, place] = plane[row, 4 * place + phase]
        elif step == 2:
            for place in range(out.shape[2]):
                for phase in range(2):
                    out[phase, row, place] = plane[row, 2 * place + phase]
        else:
            for phase in range(step):
                for place in range(out.shape[2]):
                    out[phase, row, place] = plane[row, step * place + phase]


@part
def to_future(component, past, future):
    """A component of a vector to the past → to the future, of planes at such distances."""
    over, onwards = -past, -future
    if onwards == -over:
        return min(max(-component, -VECTOR_LIMIT), VECTOR_LIMIT)
    scaled = (2 * onwards * component + over) // (2 * over)
    return min(max(scaled, -VECTOR_LIMIT), VECTOR_LIMIT)


@part
def _column(samples, one, other, pitch, count):
    """Sum of absolute differences of two columns of rows, ``count`` samples wide; pitch: from row
    to row, and how many rows.
    """
    by, rows = pitch
    sums = distance(load(samples, one, count), load(samples, other, count))
    for _ in range(1, rows):
        one += by
        other += by
        sums = plus(sums, distance(load(samples, one, count), load(samples, other, count)))
    return total(sums)


@part
def _of_square(samples, one, other, pitch, most):
    """The same of squares; ends at ``most``."""
    found, column, count = most - most, 0, pitch[1]
    while column + 8 <= count and found < most:
        found += _column(samples, one + column, other + column, pitch, 8)
        column += 8
    while column + 2 <= count and found < most:
        found += _column(samples, one + column, other + column, pitch, 2)
        column += 2
    return found


@part
def _of_rows(samples, shape, places, at, vectors, most):
    """The same of rows of any distance, of columns as far apart as ``_of_square``'s; beyond the
    edges planes go on.
    """
    bits, height, width = shape
    phase, count = (1 << bits) - 1, places.shape[1]
    left, right = places[at[1], 0] + vectors[1], places[at[1], 0] + vectors[3]
    one = (left & phase) * height * width + (left >> bits)
    other = (right & phase) * height * width + (right >> bits) + len(samples) // 2
    found = most - most
    for place in range(count):
        row = places[at[0], place]
        above = one + min(max(row + vectors[0], 0), height - 1) * width
        below = other + min(max(row + vectors[2], 0), height - 1) * width
        for column in range(0, count, 2):
            first, second = load(samples, above + column, 2), load(samples, below + column, 2)
            found += total(distance(first, second))
        if found >= most:
            break
    return found


@part
def _of_places(samples, shape, places, at, vectors, most):
    """The same of any rows and columns; beyond the edges planes go on."""
    bits, height, width = shape
    phase, last, future = (1 << bits) - 1, (width << bits) - 1, len(samples) // 2
    found = most - most
    for beside in range(places.shape[1]):
        column = places[at[1], beside]
        left = min(max(column + vectors[1], 0), last)
        right = min(max(column + vectors[3], 0), last)
        one = (left & phase) * height * width + (left >> bits)
        other = (right & phase) * height * width + (right >> bits) + future
        for place in range(places.shape[1]):
            row = places[at[0], place]
            above = min(max(row + vectors[0], 0), height - 1)
            below = min(max(row + vectors[2], 0), height - 1)
            found += abs(np.int64(samples[one + above * width]) - samples[other + below * width])
        if found >= most:
            break
    return found


@part
def _difference(samples, shape, places, at, vectors, most):
    """Sum of absolute differences of what lies along two vectors from rows and columns; what is
    not below ``most`` may be any such number.
    """
    bits, height, width = shape
    count = places.shape[1]
    top, left = places[at[0], 0], places[at[1], 0]
    reach, phase = (count - 1) << bits, (1 << bits) - 1
    if (
        count % 2
        or places[at[1], count - 1] - left != reach
        or left + min(vectors[1], vectors[3]) < 0
        or left + max(vectors[1], vectors[3]) + reach >= width << bits
    ):
        return _of_places(samples, shape, places, at, vectors, most)
    if (
        count > _MOST_ROWS
        or places[at[0], count - 1] - top != reach
        or top + min(vectors[0], vectors[2]) < 0
        or top + max(vectors[0], vectors[2]) + reach >= height
    ):
        return _of_rows(samples, shape, places, at, vectors, most)
    past, future = left + vectors[1], left + vectors[3]
    one = ((past & phase) * height + top + vectors[0]) * width + (past >> bits)
    other = ((future & phase) * height + top + vectors[2]) * width + (future >> bits)
    other += len(samples) // 2
    return _of_square(samples, one, other, (width << bits, count), most)


@kernel(
    "void(int16[::1], UniTuple(int64, 3), int64[:, ::1], UniTuple(int64, 4),"
    " int64[:, ::1], int64[::1], int64[:, ::1])"
)
def look(samples, shape, places, settings, search, asked, candidates):
    """Try candidates (k, blocks) for the blocks asked for; the earlier of equals stays.

    samples: both planes, spread.  shape: of each, log2 of its step, height, and width over the
    step.  places: rows that blocks see, then columns, as many as a row has blocks.  settings:
    distances of the planes, what a step of length costs, and how many blocks a row has.  search
    (3, blocks): keys that lengths are measured from, the best so far, and its cost.
    """
    past, future, length_cost, across = settings
    for block in asked:
        at = block // across, len(places) - across + block % across
        from_row = (search[0, block] + _HALF) >> _KEY_BITS
        from_column = search[0, block] - (from_row << _KEY_BITS)
        best, least = search[1, block], search[2, block]
        for candidate in range(len(candidates)):
            key = candidates[candidate, block]
            if key == best and least < _UNKNOWN:
                continue  # costs what it cost before
            row = (key + _HALF) >> _KEY_BITS
            column = key - (row << _KEY_BITS)
            length = length_cost * (abs(row - from_row) + abs(column - from_column))
            most = least - length
            if most <= 0:
                continue
            onwards = to_future(row, past, future), to_future(column, past, future)
            vectors = row, column, onwards[0], onwards[1]
            cost = _difference(samples, shape, places, at, vectors, most)
            if cost < most:
                best, least = key, cost + length
        search[1, block], search[2, block] = best, least
