"""Shown pictures as planes of squares of 2×2 px, and back.

A square is eight channels for each row of it: its two pixels, three colours each, then something of
the quantiser, the same in all other places.
"""

from __future__ import annotations

import numpy as np

from .jit import part
from .vectors import (
    from_bytes,
    greater,
    lesser,
    limited,
    load,
    plus,
    shifted,
    store,
    times,
    wide,
)
from .winograd import SIDE, square_of

CHANNELS = 16
STEPS = (6, 7, 14, 15)  # the channels of the quantiser
_ROW = 8  # channels
_PIXELS = 6  # samples of a row
SAMPLES = 12  # of a square
_SHARED = 4  # squares a side for which the quantiser is the same
_WHITE = 255


def channel_of(colour: int, down: int, across: int) -> int:
    """Where a sample of a square lies."""
    return _ROW * down + _PIXELS // 2 * across + colour


@part
def shown_squares_row(picture, steps, row, sizes, scale, out, into):
    """A row of squares as dense layers see them, rounded to an eighth.

    picture: (H, W, 3) in one row.  steps: what 4×4 squares share.  sizes: columns of squares and of
    steps.  scale: samples are in 2^-bits of a grey level, less ``grey``, and limited.
    """
    (width, of_steps), (bits, grey, limit) = sizes, scale
    for down in range(2):
        at, made = (2 * row + down) * width * _PIXELS, into + _ROW * down
        for _ in range(width - 1):
            seen = plus(times(from_bytes(load(picture, at, _ROW)), 1 << bits), 4 - grey)
            store(out, made, limited(shifted(seen, 3), limit))
            at += _PIXELS
            made += CHANNELS
        for sample in range(_PIXELS):
            out[made + sample] = _eighth((np.int64(picture[at + sample]) << bits) - grey, limit)
    first = row // _SHARED * of_steps
    for column in range(width):
        step = _eighth(np.int64(steps[first + column // _SHARED]), limit)
        for row_of_square in range(into, into + CHANNELS, _ROW):
            out[row_of_square + _PIXELS] = step
            out[row_of_square + _PIXELS + 1] = step
        into += CHANNELS


@part
def _eighth(number, limit):
    return min(max((number + 4) >> 3, -limit), limit)


@part
def show(sums, scales, asked, picture, memory, out):
    """Add what a layer makes of squares to a picture (H, W, 3) in one row; round, halves up.

    asked: squares of outputs, from the first to before the last; outputs, and columns of the plane;
    where its three rows begin in the picture, -1 of those that lie beyond it; a scale as above, but
    that the sum is limited.  memory: of what a square is made.
    """
    squares, (outputs, width), rows, scale = asked
    for square in range(squares[0], squares[1]):
        column, place = SIDE * square, (square - squares[0]) * outputs
        _keep(square_of(sums, scales, place, outputs, 0, CHANNELS), memory)
        for row in range(SIDE):
            if rows[row] < 0:
                continue
            for down in range(2):
                at = rows[row] + (down * width + column) * _PIXELS
                more = row * SIDE * CHANNELS + down * _ROW
                for beside in range(column, min(column + SIDE, width)):
                    if beside + 1 < width:
                        seen, added = load(picture, at, _ROW), load(memory, more, _ROW)
                        store(out, at, _sum(seen, added, scale))
                    else:
                        for sample in range(_PIXELS):
                            seen, added = np.int64(picture[at + sample]), memory[more + sample]
                            out[at + sample] = _one_sum(seen, added, scale)
                    at += _PIXELS
                    more += CHANNELS


@part
def _keep(made, memory):
    """Rows of a square, one after the other."""
    upper, middle, lower = made
    _keep_row(upper, memory, 0)
    _keep_row(middle, memory, SIDE * CHANNELS)
    _keep_row(lower, memory, 2 * SIDE * CHANNELS)


@part
def _keep_row(made, memory, place):
    store(memory, place, made[0])
    store(memory, place + CHANNELS, made[1])
    store(memory, place + 2 * CHANNELS, made[2])


@part
def _sum(samples, more, scale):
    bits, grey, limit = scale
    sums = wide(plus(times(from_bytes(samples), 1 << bits), -grey))
    sums = plus(limited(plus(sums, more), limit), grey + (1 << (bits - 1)))
    return lesser(greater(shifted(sums, bits), 0), _WHITE)


@part
def _one_sum(sample, more, scale):
    bits, grey, limit = scale
    total = min(max((sample << bits) - grey + more, -limit), limit) + grey + (1 << (bits - 1))
    return min(max(total >> bits, 0), _WHITE)
