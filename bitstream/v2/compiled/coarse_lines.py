"""The search of derived motion in the smallest planes, as ``line_matching`` does it in NumPy."""

from __future__ import annotations

import numpy as np

from .jit import kernel, part
from .lines import to_future


@part
def _differences(planes, vectors, work):
    """Absolute differences of two planes along vectors; beyond the edges they go on."""
    height, width = work.shape
    first = min(max(0, -vectors[1], -vectors[3]), width)  # columns that see nothing beyond them
    last = max(min(width, width - vectors[1], width - vectors[3]), first)
    for row in range(height):
        above = min(max(row + vectors[0], 0), height - 1)
        below = min(max(row + vectors[2], 0), height - 1)
        for column in range(first, last):
            one = np.int32(planes[0, above, column + vectors[1]])
            work[row, column] = abs(one - planes[1, below, column + vectors[3]])
        for place in range(width - last + first):
            column = place if place < first else place - first + last
            left = min(max(column + vectors[1], 0), width - 1)
            right = min(max(column + vectors[3], 0), width - 1)
            work[row, column] = abs(np.int32(planes[0, above, left]) - planes[1, below, right])


@kernel("void(int16[:, :, ::1], UniTuple(int64, 6), int64[:, :, ::1], int32[:, ::1])")
def within(planes, settings, found, work):
    """``line_matching.best_within``.

    settings: distances of both planes, side, margin, reach, length cost.  found (3, rows, columns)
    of blocks: the best vector, and its cost, which begins as the largest number.  work: memory of
    the size of a plane.
    """
    past, future, side, margin, reach, length_cost = settings
    height, width = work.shape
    window = side + 2 * margin
    sums = np.zeros(width, dtype=np.int32)
    until = np.zeros(width + 2 * margin + 1, dtype=np.int64)  # sums of all columns before
    for vector in range((2 * reach + 1) ** 2):
        down, across = vector // (2 * reach + 1) - reach, vector % (2 * reach + 1) - reach
        onwards = to_future(down, past, future), to_future(across, past, future)
        _differences(planes, (down, across, onwards[0], onwards[1]), work)
        length = length_cost * window * window * (abs(down) + abs(across))
        for block_row in range(found.shape[1]):
            sums[:] = 0
            for by in range(window):
                row = min(max(block_row * side + by - margin, 0), height - 1)
                for column in range(width):
                    sums[column] += work[row, column]
            for column in range(width + 2 * margin):
                more = sums[min(max(column - margin, 0), width - 1)]
                until[column + 1] = until[column] + more
            for block_column in range(found.shape[2]):
                column = block_column * side
                cost = length + until[column + window] - until[column]
                if cost < found[2, block_row, block_column]:
                    found[0, block_row, block_column] = down
                    found[1, block_row, block_column] = across
                    found[2, block_row, block_column] = cost
