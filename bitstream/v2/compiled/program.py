"""A network as a list of instructions, which any number of threads carry out together, row by row
(``board``).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from ..loop_arithmetic import COARSE, COARSE_BITS, LATENT_LIMIT, STREAM, SUM
from .atomics import at_8, at_16, at_32, at_64
from .board import next_row, row_done
from .depthwise import depthwise_row, pair_up
from .jit import kernel, part
from .layers import SUMS_AT_ONCE, add_dense_row, add_limited, dense_row, memory, wide_row
from .layouts import (
    coarse_row,
    coarser_row,
    finer_row,
    latents_row,
    padded_row,
    picture_row,
    seen_latents_row,
    squares_row,
)
from .pixels import CHANNELS, SAMPLES, show, shown_squares_row
from .winograd import (
    COMPONENTS,
    MOST_CHANNELS,
    SIDE,
    SQUARES,
    gather,
    multiply,
    rows_around,
    spread,
)


class Word(IntEnum):
    """Of an instruction; addresses are in bytes.

    starts, ends: addresses of the first and the last column of every row that is wanted, 0 for all
    columns.  input, more, output: addresses of planes (height, width, channels).
    """

    CODE = 0
    ROWS = 1
    STARTS = 2
    ENDS = 3
    HEIGHT = 4
    WIDTH = 5
    CHANNELS = 6
    OUTPUTS = 7
    INPUT = 8
    MORE = 9
    OUTPUT = 10
    WEIGHTS = 11
    SCALES = 12
    PITCH = 13
    RUNS = 14
    PAIRS = 15
    SIDE = 16
    FIRST = 17
    HIDDEN = 18
    CURVE = 19
    SECOND = 20
    SECOND_SCALES = 21
    SEEN_ROWS = 22
    MADE_ROWS = 23
    LIMIT = 24
    BITS = 25
    GREY = 26


class Code(IntEnum):
    """What an instruction does."""

    SQUARES = 0
    PAD = 1
    COARSE = 2
    COARSER = 3
    FINER = 4
    DENSE = 5
    SUMS = 6  # dense, to 32 bits
    WIDE = 7
    WIDE_SUMS = 8
    PAIR_UP = 9
    BLOCK = 10
    ADD = 11
    PICTURE = 12
    LATENTS = 13
    AROUND = 14  # 3×3, three rows at once
    AROUND_SUMS = 15
    SHOW = 16  # the same, added to a shown picture
    SHOWN_SQUARES = 17
    OF_LATENTS = 18


# Constants of kernels.
(_CODE, _ROWS, _STARTS, _ENDS, _HEIGHT, _WIDTH, _CHANNELS, _OUTPUTS, _INPUT, _MORE, _OUTPUT) = map(
    int, list(Word)[:11]
)
(_WEIGHTS, _SCALES, _PITCH, _RUNS, _PAIRS, _SIDE, _FIRST, _HIDDEN, _CURVE, _SECOND, _SECONDS) = map(
    int, list(Word)[11:22]
)
_SEEN_ROWS, _MADE_ROWS, _LIMIT, _BITS, _GREY = map(int, list(Word)[22:])
(_SQUARES, _PAD, _TO_COARSE, _COARSER, _FINER, _DENSE, _SUMS) = map(int, list(Code)[:7])
(_WIDE, _WIDE_SUMS, _PAIR_UP, _BLOCK, _ADD, _PICTURE, _LATENTS) = map(int, list(Code)[7:14])
_AROUND, _AROUND_SUMS, _SHOW, _SHOWN_SQUARES, _OF_LATENTS = map(int, list(Code)[14:])


@part
def _columns(one, row):
    """First and last column of a row that are wanted."""
    if one[_STARTS] == 0:
        return 0, one[_WIDTH]
    return at_64(one[_STARTS])[row], at_64(one[_ENDS])[row]


@part
def _layer(one, row, scratch):
    """A row of a dense layer."""
    first, last = _columns(one, row)
    if first >= last:
        return
    sums, more = scratch[0], scratch[1]
    outputs, channels = one[_OUTPUTS], one[_CHANNELS]
    into = (row * one[_WIDTH] + first) * outputs
    places = row * one[_PITCH] + first * channels, into, last - first
    inputs, weights, code = at_16(one[_INPUT]), at_16(one[_WEIGHTS]), one[_CODE]
    limit = STREAM if code in (_DENSE, _WIDE) else SUM
    sizes = channels, one[_RUNS], one[_PITCH], one[_PAIRS], outputs, limit
    planes, to_sums = at_16(one[_OUTPUT]), at_32(one[_OUTPUT])
    narrow, scales = at_32(one[_SCALES]), at_64(one[_SCALES])
    if code == _DENSE:
        dense_row(inputs, weights, narrow, sizes, places, sums, planes)
    elif code == _SUMS:
        dense_row(inputs, weights, narrow, sizes, places, sums, to_sums)
    else:
        both = inputs, at_16(one[_MORE])
        if code == _WIDE:
            wide_row(both, weights, scales, sizes, places, (sums, more), planes)
        else:
            wide_row(both, weights, scales, sizes, places, (sums, more), to_sums)


@part
def _block(one, row, scratch):
    """A row of a strip of a plane, FIRST the first of these, in its place."""
    first, last = _columns(one, one[_FIRST] + row)
    if first >= last:
        return
    sums, _, inside, seen_row = scratch
    width, channels, side = one[_WIDTH], one[_CHANNELS], one[_SIDE]
    pairs_of_row = (max(width, 4) + side - 1) * channels
    sizes, places = (width, channels, side, COARSE), (row * pairs_of_row, 0, first, last)
    padded, weights = at_32(one[_INPUT]), at_32(one[_WEIGHTS])
    depthwise_row(padded, weights, at_32(one[_SCALES]), sizes, places, seen_row)
    seconds = one[_SECOND], one[_SECONDS]
    layers = (
        at_16(one[_MORE]),
        at_32(one[_PITCH]),
        at_16(one[_CURVE]),
        at_16(seconds[0]),
        at_32(seconds[1]),
    )
    into = ((one[_FIRST] + row) * width + first) * channels
    at = first * channels, into, last - first
    add_dense_row(
        seen_row, layers, (channels, one[_HIDDEN], STREAM), at, (sums, inside), at_16(one[_OUTPUT])
    )


@part
def _around(one, row, scratch):
    """Three rows of a 3×3 layer, of which some may be kept in the place of others."""
    upper, height, width = SIDE * (one[_FIRST] + row), one[_HEIGHT], one[_WIDTH]
    first, last = _columns(one, upper)
    for lower in range(upper + 1, min(upper + SIDE, height)):
        begin, end = _columns(one, lower)
        first, last = min(first, begin), max(last, end)
    sums, values, zeros, memory = scratch
    inputs, weights, scales = at_16(one[_INPUT]), at_16(one[_WEIGHTS]), at_32(one[_SCALES])
    channels, outputs, code = one[_CHANNELS], one[_OUTPUTS], one[_CODE]
    nothing = (zeros.ctypes.data - one[_INPUT]) // 2
    seen = rows_around(upper, (height, width, channels, one[_SEEN_ROWS]), nothing)
    by_row, kept = width * outputs, one[_MADE_ROWS]
    if code == _SHOW:
        by_row, kept = SAMPLES * width, height
    places = (
        upper % kept * by_row,
        (upper + 1) % kept * by_row if upper + 1 < height else -1,
        (upper + 2) % kept * by_row if upper + 2 < height else -1,
    )
    after = (last + SIDE - 1) // SIDE
    for start in range(first // SIDE, after, SQUARES):
        squares = start, min(start + SQUARES, after)
        spread(inputs, seen, squares, (width, channels), values)
        multiply(values, weights, sums, squares[1] - squares[0], (channels, outputs))
        if code == _AROUND:
            to = at_16(one[_OUTPUT])
            gather(sums, scales, squares, (outputs, width), one[_LIMIT], places, to)
        elif code == _AROUND_SUMS:
            more = at_32(one[_OUTPUT])
            gather(sums, scales, squares, (outputs, width), one[_LIMIT], places, more)
        else:
            scale = one[_BITS], one[_GREY], one[_LIMIT]
            picture, shown = at_8(one[_MORE]), at_8(one[_OUTPUT])
            show(sums, scales, (squares, (outputs, width), places, scale), picture, memory, shown)


@part
def _moved(one, row):
    """A row of what is neither a layer nor a block."""
    code, height, width = one[_CODE], one[_HEIGHT], one[_WIDTH]
    channels, inputs = one[_CHANNELS], at_16(one[_INPUT])
    if code == _PAIR_UP:
        sizes = height, width, channels, one[_SIDE], one[_PITCH]
        out, start = at_32(one[_OUTPUT]), row * one[_PITCH] * channels
        pair_up(inputs, one[_FIRST] + row, sizes, out, start)
    elif code == _TO_COARSE:
        count = width * channels
        coarse_row(inputs, row * count, count, COARSE_BITS, COARSE, at_16(one[_OUTPUT]))
    elif code == _ADD:
        count = width * channels
        add_limited(at_16(one[_OUTPUT]), at_32(one[_INPUT]), row * count, count, STREAM)
    elif code == _PAD:
        padded_row(inputs, row, height, width * channels, channels, at_16(one[_OUTPUT]))
    elif code == _COARSER:
        coarser_row(inputs, row, (height, width, channels), at_16(one[_OUTPUT]))
    elif code == _FINER:
        finer_row(inputs, row, width, channels, at_16(one[_OUTPUT]))
    elif code == _SHOWN_SQUARES:
        scale = one[_BITS], one[_GREY], one[_LIMIT]
        picture, steps, out = at_8(one[_INPUT]), at_16(one[_MORE]), at_16(one[_OUTPUT])
        upper = SIDE * (one[_FIRST] + row)
        for at in range(upper, min(upper + SIDE, height)):
            into = at % one[_MADE_ROWS] * width * channels
            shown_squares_row(picture, steps, at, (width, one[_PITCH]), scale, out, into)
    elif code == _OF_LATENTS:
        sizes, latents = (height, width, channels, one[_OUTPUTS]), at_32(one[_INPUT])
        seen_latents_row(latents, at_64(one[_MORE]), row, sizes, at_16(one[_OUTPUT]))
    elif code == _SQUARES:
        squares_row(inputs, row, (height, width, one[_SIDE]), at_16(one[_OUTPUT]))
    elif code == _PICTURE:
        sizes, detail = (height, width, channels, one[_OUTPUTS]), at_32(one[_MORE])
        picture_row(at_32(one[_INPUT]), detail, row, sizes, at_16(one[_OUTPUT]))
    else:
        sizes, detail = (height, width, channels, one[_OUTPUTS]), at_32(one[_MORE])
        latents_row(at_32(one[_INPUT]), detail, row, sizes, LATENT_LIMIT, at_32(one[_OUTPUT]))


@kernel("void(int64[:, ::1], int64[::1], int64, boolean)")
def run(program, board, longest, leads):
    """Carry out a program: as the thread that leads, until it is done, or as one that helps.

    program, board, leads: as of ``next_row``.  longest: numbers of a row of a block's plane.
    """
    scratch = (
        memory(SUMS_AT_ONCE),
        memory(SUMS_AT_ONCE),
        np.empty(SUMS_AT_ONCE, dtype=np.int16),
        np.empty(longest, dtype=np.int16),
    )
    squares = (
        memory(COMPONENTS * SQUARES * MOST_CHANNELS),
        memory(COMPONENTS * SQUARES * MOST_CHANNELS // 2).view(np.int16),
        np.zeros(MOST_CHANNELS, dtype=np.int16),
        memory(SIDE * SIDE * CHANNELS),
    )
    stage, row = next_row(program, board, leads)
    while stage >= 0:
        one = program[stage]
        if _DENSE <= one[_CODE] <= _WIDE_SUMS:
            _layer(one, row, scratch)
        elif one[_CODE] == _BLOCK:
            _block(one, row, scratch)
        elif _AROUND <= one[_CODE] <= _SHOW:
            _around(one, row, squares)
        else:
            _moved(one, row)
        row_done(board)
        stage, row = next_row(program, board, leads)
