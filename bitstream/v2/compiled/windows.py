"""Moved pictures put together window by window, as ``moved_pictures`` and ``overlapped_blocks`` do
it in NumPy.
"""

from __future__ import annotations

import numpy as np

from ..loop_arithmetic import MIDDLE
from ..moved_pictures import CELL
from .jit import kernel, part
from .vectors import greater, lesser, load, plus, shifted, store, times, wide

_PATCH = 16  # samples a side that a square and its taps see, and one more
_BEFORE = 3
_WEIGHT_BITS = 8
_TAP_BITS = 6
_FUTURE, _AVERAGE = 1, 2


@part
def _sum_of_taps(samples, place, by):
    """Eight weighted sums half way between samples ``3 * by`` after a place and the next ones."""
    inner = times(plus(_wide(samples, place + 3 * by), _wide(samples, place + 4 * by)), 40)
    next_ones = times(plus(_wide(samples, place + 2 * by), _wide(samples, place + 5 * by)), -11)
    others = times(plus(_wide(samples, place + by), _wide(samples, place + 6 * by)), 4)
    outer = times(plus(_wide(samples, place), _wide(samples, place + 7 * by)), -1)
    return plus(plus(inner, next_ones), plus(others, outer))


@part
def _wide(samples, place):
    return wide(load(samples, place, 8))


@part
def _rounded(sums, bits):
    return lesser(greater(shifted(plus(sums, 1 << (bits - 1)), bits), 0), 2 * MIDDLE)


@part
def _take(picture, size, at, patch):
    """Copy what lies in a plane from a row and a column on; beyond the edges it goes on."""
    height, width = size
    plane, top, left = at
    first = plane * height * width
    if top >= 0 and left >= 0 and top + _PATCH <= height and left + _PATCH <= width:
        for row in range(_PATCH):
            samples = load(picture, first + (top + row) * width + left, 16)
            store(patch, row * _PATCH, samples)
        return
    for row in range(_PATCH):
        start = first + min(max(top + row, 0), height - 1) * width
        for column in range(_PATCH):
            patch[row * _PATCH + column] = picture[start + min(max(left + column, 0), width - 1)]


@part
def _square(patch, sums, phase, out, place):
    """What a patch shows of a square, 2 · (half down) + half across."""
    if phase == 3:
        for row in range(_PATCH - 1):
            store(sums, row * CELL, _sum_of_taps(patch, row * _PATCH, 1))
    for row in range(CELL):
        middle = (row + _BEFORE) * _PATCH
        if phase == 0:
            made = _wide(patch, middle + _BEFORE)
        elif phase == 1:
            made = _rounded(_sum_of_taps(patch, middle, 1), _TAP_BITS)
        elif phase == 2:
            made = _rounded(_sum_of_taps(patch, row * _PATCH + _BEFORE, _PATCH), _TAP_BITS)
        else:
            made = _rounded(_sum_of_taps(sums, row * CELL, CELL), 2 * _TAP_BITS)
        store(out, place + row * CELL, made)


@part
def _moved(past, future, size, motion, at, work):
    """What the motion of a block makes of a window: (3, 8, 8) in the first part of ``work``."""
    moved, other, patch, sums = work
    block, top, left = at
    direction = motion[0, block]
    for reference in range(2):
        if (reference == 0 and direction == _FUTURE) or (reference == 1 and direction < _FUTURE):
            continue
        down, across = motion[1 + 2 * reference, block], motion[2 + 2 * reference, block]
        phase = 2 * (down & 1) + (across & 1)
        row, column = top + (down >> 1) - _BEFORE, left + (across >> 1) - _BEFORE
        for plane in range(3):
            if reference == 0:
                _take(past, size, (plane, row, column), patch)
            else:
                _take(future, size, (plane, row, column), patch)
            place = plane * CELL * CELL
            if reference == 0 or direction == _FUTURE:
                _square(patch, sums, phase, moved, place)
            else:
                _square(patch, sums, phase, other, place)
    if direction == _AVERAGE:
        for sample in range(3 * CELL * CELL):
            moved[sample] = (np.int32(moved[sample]) + other[sample] + 1) >> 1


@kernel(
    "void(int16[::1], int16[::1], UniTuple(int64, 2), int64[:, ::1], int64[:, :, ::1],"
    " int32[:, ::1], int16[:, :, ::1])"
)
def overlapped(past, future, size, motion, meeting, weights, out):
    """``overlapped_blocks.OverlappedBlocks.picture`` with half a cell more on all sides.

    past, future: pictures (3, h, w) in one row, one of them empty where no block has it; size:
    h and w.  motion (6, blocks): direction, both vectors, and a number that is equal where all that
    is.  meeting (4, rows, columns): blocks at the corners of cells.  weights (16, 64): of subsets
    of them.
    """
    moved, other = np.empty(3 * CELL * CELL, np.int16), np.empty(3 * CELL * CELL, np.int16)
    patch, halves = np.empty(_PATCH * _PATCH, np.int16), np.empty(_PATCH * CELL, np.int32)
    sums = np.empty(3 * CELL * CELL, np.int32)
    work = moved, other, patch, halves
    for row in range(meeting.shape[1]):
        for column in range(meeting.shape[2]):
            taken = 0
            for member in range(4):
                if taken >> member & 1:
                    continue
                block = meeting[member, row, column]
                subset = 0
                for each in range(member, 4):
                    if motion[5, meeting[each, row, column]] == motion[5, block]:
                        subset |= 1 << each
                at = block, row * CELL - CELL // 2, column * CELL - CELL // 2
                _moved(past, future, size, motion, at, work)
                if taken == 0:
                    sums[:] = 1 << (_WEIGHT_BITS - 1)
                taken |= subset
                for plane in range(3):
                    for place in range(CELL * CELL):
                        at_place = plane * CELL * CELL + place
                        sums[at_place] += moved[at_place] * weights[subset, place]
            for plane in range(3):
                for line in range(CELL):
                    for beside in range(CELL):
                        made = sums[(plane * CELL + line) * CELL + beside] >> _WEIGHT_BITS
                        out[plane, row * CELL + line, column * CELL + beside] = made
