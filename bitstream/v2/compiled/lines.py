"""Comparison of two planes along lines, as ``line_matching`` does it in NumPy.

Planes come spread: (step, h, w / step), so that
samples which are ``step`` apart lie side by side.
"""

from __future__ import annotations

import numpy as np

from ...v1.prediction import VECTOR_LIMIT
from .jit import part
from .vectors import distance, load, plus, total

_MOST_ROWS = 32  # whose differences, up to 1020 each, 16 bits hold


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
    if column + 4 <= count and found < most:
        found += _column(samples, one + column, other + column, pitch, 4)
        column += 4
    while column + 2 <= count and found < most:
        found += _column(samples, one + column, other + column, pitch, 2)
        column += 2
    return found


@part
def _of_rows(samples, shape, places, at, vectors, most):
    """The same of rows of any distance, of columns as far apart as ``_of_square``'s; beyond the
    edges planes go on.
    """
    bits, height, width, count = shape
    phase = (1 << bits) - 1
    left, right = places[at[1]] + vectors[1], places[at[1]] + vectors[3]
    one = (left & phase) * height * width + (left >> bits)
    other = (right & phase) * height * width + (right >> bits) + (height * width << bits)
    found = most - most
    for place in range(count):
        row = places[at[0] + place]
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
    bits, height, width, count = shape
    phase, last, future = (1 << bits) - 1, (width << bits) - 1, height * width << bits
    found = most - most
    for beside in range(count):
        column = places[at[1] + beside]
        left = min(max(column + vectors[1], 0), last)
        right = min(max(column + vectors[3], 0), last)
        one = (left & phase) * height * width + (left >> bits)
        other = (right & phase) * height * width + (right >> bits) + future
        for place in range(count):
            row = places[at[0] + place]
            above = min(max(row + vectors[0], 0), height - 1)
            below = min(max(row + vectors[2], 0), height - 1)
            found += abs(np.int64(samples[one + above * width]) - samples[other + below * width])
        if found >= most:
            break
    return found


@part
def difference(samples, shape, places, at, vectors, most):
    """Sum of absolute differences of what lies along two vectors from rows and columns; what is
    not below ``most`` may be any such number.

    samples: both planes, spread.  shape: of each, log2 of its step, height, and width over the
    step; and how many rows and columns are compared.  at: where in ``places`` these rows and
    these columns are.
    """
    bits, height, width, count = shape
    top, left = places[at[0]], places[at[1]]
    reach, phase = (count - 1) << bits, (1 << bits) - 1
    if (
        count % 2
        or places[at[1] + count - 1] - left != reach
        or left + min(vectors[1], vectors[3]) < 0
        or left + max(vectors[1], vectors[3]) + reach >= width << bits
    ):
        return _of_places(samples, shape, places, at, vectors, most)
    if (
        count > _MOST_ROWS
        or places[at[0] + count - 1] - top != reach
        or top + min(vectors[0], vectors[2]) < 0
        or top + max(vectors[0], vectors[2]) + reach >= height
    ):
        return _of_rows(samples, shape, places, at, vectors, most)
    past, future = left + vectors[1], left + vectors[3]
    one = ((past & phase) * height + top + vectors[0]) * width + (past >> bits)
    other = ((future & phase) * height + top + vectors[2]) * width + (future >> bits)
    other += height * width << bits
    return _of_square(samples, one, other, (width << bits, count), most)
