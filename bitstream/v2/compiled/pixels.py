"""Shown pictures as planes of squares of 2×2 px, and back.

A square is eight channels for each row of it: its two pixels, three colours each, then something of
the quantiser in the first row, and anything in the other places.
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
from .winograd import square_of

CHANNELS = 16
STEP = 6  # the channel of the quantiser
_ROW = 8  # channels
_PIXELS = 6  # samples of a row
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
        out[made + _PIXELS] = 0
        out[made + _PIXELS + 1] = 0
    first = row // _SHARED * of_steps
    for column in range(width):
        step = np.int64(steps[first + column // _SHARED])
        out[into + CHANNELS * column + STEP] = _eighth(step, limit)


@part
def _eighth(number, limit):
    return min(max((number + 4) >> 3, -limit), limit)


@part
def show(sums, scales, asked, picture, memory, out):
    """Add what a layer makes of squares to a picture (H, W, 3) in one row; round, halves up.

    asked: squares, from the first to before the last; outputs, and columns of the plane; where two
    rows of it begin in the picture, the second one -1 if it lies beyond it; a scale as above, but
    that the sum is limited.  memory: of eight numbers.
    """
    squares, (outputs, width), (upper, lower), scale = asked
    for square in range(squares[0], squares[1]):
        place, column = (square - squares[0]) * outputs, 2 * square
        for down in range(2):
            made = square_of(sums, scales, place, outputs, _ROW * down, _ROW)
            across = (down * width + column) * _PIXELS
            at, under = upper + across, lower + across
            if column + 2 < width and lower >= 0:
                store(out, at, _sum(load(picture, at, _ROW), made[0], scale))
                store(out, under, _sum(load(picture, under, _ROW), made[2], scale))
                at, under = at + _PIXELS, under + _PIXELS
                store(out, at, _sum(load(picture, at, _ROW), made[1], scale))
                store(out, under, _sum(load(picture, under, _ROW), made[3], scale))
                continue
            goes_on = column + 2 < width
            _add(picture, at, made[0], scale, column + 1 < width, memory, out)
            if column + 1 < width:
                _add(picture, at + _PIXELS, made[1], scale, goes_on, memory, out)
            if lower >= 0:
                _add(picture, under, made[2], scale, column + 1 < width, memory, out)
                if column + 1 < width:
                    _add(picture, under + _PIXELS, made[3], scale, goes_on, memory, out)


@part
def _add(picture, at, more, scale, goes_on, memory, out):
    """To a row of a square; what lies after it is changed as well where the picture goes on."""
    if goes_on:
        store(out, at, _sum(load(picture, at, _ROW), more, scale))
    else:
        for sample in range(_PIXELS):
            memory[sample] = picture[at + sample]
        store(memory, 0, _sum(load(memory, 0, _ROW), more, scale))
        for sample in range(_PIXELS):
            out[at + sample] = memory[sample]


@part
def _sum(samples, more, scale):
    bits, grey, limit = scale
    sums = wide(plus(times(from_bytes(samples), 1 << bits), -grey))
    sums = plus(limited(plus(sums, more), limit), grey + (1 << (bits - 1)))
    return lesser(greater(shifted(sums, bits), 0), _WHITE)
