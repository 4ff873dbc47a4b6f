"""Moved pictures put together window by window, as ``moved_pictures`` and ``overlapped_blocks`` do
it in NumPy.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..loop_arithmetic import MIDDLE
from ..moved_pictures import CELL
from .atomics import at_16, at_32, at_64
from .board import carry_out, next_row, row_done
from .jit import kernel, part
from .vectors import greater, lesser, load, plus, shifted, store, times, wide

_PATCH = 16  # samples a side that a square and its taps see, and one more
_BEFORE = 3
_SAMPLES = 3 * CELL * CELL  # of a window
_MEMORY = 4 * _SAMPLES + 2 * _PATCH * _PATCH  # numbers, more than are needed
_WEIGHT_BITS = 8
_TAP_BITS = 6
_FUTURE, _AVERAGE = 1, 2
# Words of the instruction: addresses, and sizes.
(_PAST, _FUTURES, _MOTION, _MEETING, _WEIGHTS, _OUT) = range(2, 8)
(_HEIGHT, _WIDTH, _BLOCKS, _COLUMNS) = range(8, 12)
_ALL = 15  # cells that meet


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
    for row in range(_PATCH):
        start = first + min(max(top + row, 0), height - 1) * width
        for column in range(_PATCH):
            patch[row * _PATCH + column] = picture[start + min(max(left + column, 0), width - 1)]


@part
def _square(samples, at, sums, phase, out, place):
    """What samples show of a square, 2 · (half down) + half across; at: where what its taps see
    begins, and from one row to the next.
    """
    start, pitch = at
    if phase == 3:
        for row in range(_PATCH - 1):
            store(sums, row * CELL, _sum_of_taps(samples, start + row * pitch, 1))
    for row in range(CELL):
        middle = start + (row + _BEFORE) * pitch
        if phase == 0:
            store(out, place + row * CELL, load(samples, middle + _BEFORE, 8))
        elif phase == 1:
            made = _rounded(_sum_of_taps(samples, middle, 1), _TAP_BITS)
            store(out, place + row * CELL, made)
        elif phase == 2:
            seen = start + row * pitch + _BEFORE
            made = _rounded(_sum_of_taps(samples, seen, pitch), _TAP_BITS)
            store(out, place + row * CELL, made)
        else:
            made = _rounded(_sum_of_taps(sums, row * CELL, CELL), 2 * _TAP_BITS)
            store(out, place + row * CELL, made)


@part
def _of_reference(picture, size, at, phase, work, out):
    """The squares (3, 8, 8) that lie at a row and a column of a picture, with what taps see."""
    height, width = size
    row, column = at
    patch, sums = work
    inside = min(row, column) >= 0 and row + _PATCH <= height and column + _PATCH <= width
    for plane in range(3):
        place = plane * CELL * CELL
        if inside:
            start = (plane * height + row) * width + column
            _square(picture, (start, width), sums, phase, out, place)
        else:
            _take(picture, size, (plane, row, column), patch)
            _square(patch, (0, _PATCH), sums, phase, out, place)


@part
def _moved(past, future, size, motion, at, work):
    """What the motion of a block makes of a window: (3, 8, 8) in the first part of ``work``."""
    moved, other, patch, sums = work
    moves, blocks = motion
    block, top, left = at
    direction = moves[block]
    for reference in range(2):
        if (reference == 0 and direction == _FUTURE) or (reference == 1 and direction < _FUTURE):
            continue
        first = (1 + 2 * reference) * blocks + block
        down, across = moves[first], moves[first + blocks]
        phase = 2 * (down & 1) + (across & 1)
        place = top + (down >> 1) - _BEFORE, left + (across >> 1) - _BEFORE
        if reference == 0:
            _of_reference(past, size, place, phase, (patch, sums), moved)
        elif direction == _FUTURE:
            _of_reference(future, size, place, phase, (patch, sums), moved)
        else:
            _of_reference(future, size, place, phase, (patch, sums), other)
    if direction == _AVERAGE:
        for sample in range(0, _SAMPLES, CELL):
            both = plus(load(moved, sample, 8), load(other, sample, 8))
            store(moved, sample, shifted(plus(both, 1), 1))


@part
def _put(made, size, at, out):
    """A window (3, 8, 8) into a picture, as far as it lies within."""
    height, width = size
    top, left = at
    inside = left >= 0 and left + CELL <= width
    for plane in range(3):
        for line in range(CELL):
            row = top + line
            if row < 0 or row >= height:
                continue
            place, into = (plane * CELL + line) * CELL, (plane * height + row) * width + left
            if inside:
                store(out, into, load(made, place, 8))
            else:
                for beside in range(max(-left, 0), min(CELL, width - left)):
                    out[into + beside] = made[place + beside]


@part
def _window(sources, size, motion, meeting, at, work, out):
    """What the cells that meet at a corner (their blocks) make of the window around it."""
    past, future = sources
    moved, other, patch, halves, sums, weights = work
    moves, blocks = motion
    cells, corner = meeting
    taken, keys = 0, 5 * blocks
    for member in range(4):
        if taken >> member & 1:
            continue
        block = cells[corner + member]
        subset = 0
        for each in range(member, 4):
            if moves[keys + cells[corner + each]] == moves[keys + block]:
                subset |= 1 << each
        place = block, at[0], at[1]
        _moved(past, future, size, motion, place, (moved, other, patch, halves))
        if subset == _ALL:  # whose weights are 1 everywhere
            _put(moved, size, at, out)
            return
        if taken == 0:
            for sample in range(_SAMPLES):
                sums[sample] = 1 << (_WEIGHT_BITS - 1)
        taken |= subset
        for sample in range(0, _SAMPLES, CELL):
            weight = load(weights, subset * CELL * CELL + sample % (CELL * CELL), 8)
            product = times(_wide(moved, sample), weight)
            store(sums, sample, plus(load(sums, sample, 8), product))
    for sample in range(0, _SAMPLES, CELL):
        store(moved, sample, shifted(load(sums, sample, 8), _WEIGHT_BITS))
    _put(moved, size, at, out)


@kernel("void(int64[:, ::1], int64[::1], boolean)")
def overlapped(program, board, leads):
    """``overlapped_blocks.OverlappedBlocks.picture``, by all threads that come (``board``): one
    instruction (``put_together``), a row of corners each.
    """
    # Arrays by their addresses alone: to count references to others takes as long as all the rest.
    numbers = np.empty(_MEMORY, np.int32)
    start, one = numbers.ctypes.data, program[0]
    at_work = start + 4 * (_SAMPLES + _PATCH * CELL)
    work = (
        at_16(at_work),
        at_16(at_work + 2 * _SAMPLES),
        at_16(at_work + 4 * _SAMPLES),
        at_32(start + 4 * _SAMPLES),
        at_32(start),
        at_32(one[_WEIGHTS]),
    )
    sources, into = (at_16(one[_PAST]), at_16(one[_FUTURES])), at_16(one[_OUT])
    size, columns = (one[_HEIGHT], one[_WIDTH]), one[_COLUMNS]
    motion, meeting = (at_64(one[_MOTION]), one[_BLOCKS]), at_64(one[_MEETING])
    stage, row = next_row(program, board, leads)
    while stage >= 0:
        for column in range(columns):
            at = row * CELL - CELL // 2, column * CELL - CELL // 2
            corner = meeting, 4 * (row * columns + column)
            _window(sources, size, motion, corner, at, work, into)
        row_done(board)
        stage, row = next_row(program, board, leads)
    numbers[0] = 0  # until here it is in use


def put_together(
    pictures: tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]],
    motion: npt.NDArray[np.int64],
    meeting: npt.NDArray[np.int64],
    weights: npt.NDArray[np.int32],
    out: npt.NDArray[np.int16],
) -> None:
    """Have a picture (3, h, w) put together, ``out``.

    pictures: past and future, as that, one of them empty where no block has it.  motion (6,
    blocks): direction, both vectors, and a number that is equal where all that is.  meeting (rows,
    columns, 4): blocks at the corners of cells.  weights (16, 64): of subsets of them.
    """
    arrays = *pictures, motion, meeting, weights, out
    addresses = [array.ctypes.data for array in arrays]
    rows, columns, _ = meeting.shape
    carry_out(overlapped, [[0, rows, *addresses, *out.shape[1:], motion.shape[1], columns]])
