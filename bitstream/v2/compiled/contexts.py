"""The context networks by kernels, as ``context_network`` and ``canvas`` do it in NumPy.

A canvas has two arrays of 16-bit integers, a row of channels for every position with a border of
zeros: *pairs* of a value and its size, which outputs see directly, and of a size and the size with
the value's sign, which hidden units see.
"""

from __future__ import annotations

import numpy as np

from ..context_network import (
    HIDDEN_BITS,
    HIDDEN_LIMIT,
    INPUT_LIMIT,
    MEAN_LIMIT,
    SIZES,
    SUM_BITS,
    VALUE_BITS,
    WEIGHT_BITS,
)
from ..difference_taps import NEXT
from .jit import kernel, part
from .layers import add_products

TAPS = 9
AT_ONCE = 16  # positions whose inputs stay in a core's cache
_DOWN = SUM_BITS - VALUE_BITS
_HIDDEN_DOWN = SUM_BITS - HIDDEN_BITS
_MIX_DOWN = HIDDEN_BITS + WEIGHT_BITS - SUM_BITS
_SIZES = SIZES.astype(np.int16)


@part
def put(direct, hidden, place, value, sizes):
    """Put a value at a place of both arrays, which are flat."""
    limited = min(max(value, -INPUT_LIMIT), INPUT_LIMIT)
    size = sizes[abs(limited)]
    direct[place] = limited
    direct[place + 1] = size
    hidden[place] = size
    hidden[place + 1] = -size if limited < 0 else size


@part
def _evaluate(inputs, count, network, constants, sums, out, first):
    """Add to ``out`` (2, n, channels) what a network makes of so many rows of inputs, from row
    ``first`` on.

    inputs: direct and hidden, flat, and pairs of each row.  network: direct and hidden weights, and
    what mixes hidden units, (units, outputs).  constants (rows, outputs + units): with the biases.
    sums: memory for direct and hidden sums, flat, and for what is mixed.
    """
    direct_in, hidden_in, pairs = inputs
    direct, hidden, mix = network
    direct_sums, hidden_sums, mixed = sums
    units, outputs = mix.shape
    by_direct, by_hidden = len(direct_sums) // AT_ONCE, len(hidden_sums) // AT_ONCE
    channels = outputs // 2
    direct_sums[:] = 0
    hidden_sums[:] = 0
    add_products(direct_in, direct, direct_sums, (0, 0), count, (pairs, 2 * pairs, by_direct))
    add_products(hidden_in, hidden, hidden_sums, (0, 0), count, (pairs, 2 * pairs, by_hidden))
    for row in range(count):
        mixed[:] = 0.0
        for unit in range(units):
            made = np.int64(hidden_sums[row * by_hidden + unit]) + constants[row, outputs + unit]
            made = min(made >> _HIDDEN_DOWN, HIDDEN_LIMIT)
            if made > 0:
                for output in range(outputs):
                    mixed[output] += np.float64(made) * mix[unit, output]
        for output in range(outputs):
            total = np.int64(direct_sums[row * by_direct + output]) + constants[row, output]
            total += np.int64(mixed[output]) >> _MIX_DOWN
            total = (total + (1 << (_DOWN - 1))) >> _DOWN
            total = min(max(total, -MEAN_LIMIT), MEAN_LIMIT)
            out[output // channels, first + row, output % channels] += total


@part
def _at(row, column, pitch, border, channels, channel):
    return ((row + border) * pitch + column + border) * channels + channel


@kernel(
    "void(UniTuple(int16[::1], 2), UniTuple(int64, 6), UniTuple(int64[::1], 2), int64[:, ::1],"
    " Tuple((int16[::1], int16[::1], float64[:, ::1])), int64[:, ::1], int64[:, :, ::1])"
)
def see_around(canvas, geometry, positions, runs, network, inside, out):
    """``ValueCanvas.features`` and ``SliceNetwork.evaluate``: added to ``out`` (2, n, channels).

    canvas: direct and hidden.  positions: rows and columns.  network: direct and hidden weights,
    and what mixes hidden units.

    geometry: height, width and border of the canvas, its channels, stride of the pass, hidden units
    with those that fill up.  runs (r, 2): first and number of the channels that are seen.  inside
    (10, outputs + units): what every tap adds that lies inside the picture, and the biases.
    """
    height, width, border, channels, stride, by_hidden = geometry
    direct_canvas, hidden_canvas = canvas
    (rows, columns), (direct, hidden, mix) = positions, network
    pitch, outputs = width + 2 * border, mix.shape[1]
    pairs = TAPS * runs[:, 1].sum()
    by_direct = len(direct) // (2 * pairs)
    direct_in = np.empty(AT_ONCE * 2 * pairs, np.int16)
    hidden_in = np.empty(AT_ONCE * 2 * pairs, np.int16)
    sums = (
        np.empty(AT_ONCE * by_direct, np.int32),
        np.empty(AT_ONCE * by_hidden, np.int32),
        np.empty(outputs, np.float64),
    )
    constants = np.empty((AT_ONCE, inside.shape[1]), np.int64)
    everywhere = inside.sum(0)
    for first in range(0, len(rows), AT_ONCE):
        count, into = min(AT_ONCE, len(rows) - first), 0
        for place in range(count):
            row, column = rows[first + place], columns[first + place]
            is_inner = stride <= row < height - stride and stride <= column < width - stride
            constants[place] = everywhere if is_inner else inside[TAPS]
            for tap in range(TAPS):
                down, across = row + (tap // 3 - 1) * stride, column + (tap % 3 - 1) * stride
                if not is_inner and 0 <= down < height and 0 <= across < width:
                    constants[place] += inside[tap]
                start = ((down + border) * pitch + across + border) * channels
                for run in range(len(runs)):
                    at = 2 * (start + runs[run, 0])
                    for one in range(2 * runs[run, 1]):
                        direct_in[into + one] = direct_canvas[at + one]
                        hidden_in[into + one] = hidden_canvas[at + one]
                    into += 2 * runs[run, 1]
        inputs = direct_in, hidden_in, pairs
        _evaluate(inputs, count, (direct, hidden, mix), constants, sums, out, first)


@kernel(
    "void(int16[::1], UniTuple(int64, 7), UniTuple(int64[::1], 2), UniTuple(int64[:, ::1], 2),"
    " Tuple((int16[::1], int16[::1], float64[:, ::1])), int64[::1], int64[:, :, ::1])"
)
def see_differences(canvas, geometry, positions, taps_of, network, constant, out):
    """``ValueCanvas.differences`` and ``SliceNetwork.evaluate``: added to ``out``.

    canvas: the direct one.  geometry: as of ``see_around``, and at last channels before the slice.
    taps_of: channels before it, and its own, (t, 2): rows and columns of taps.  constant (outputs +
    units): with the biases.
    """
    height, width, border, channels, stride, by_hidden, before = geometry
    (rows, columns), (earlier, own), (direct, hidden, mix) = positions, taps_of, network
    pitch, outputs = width + 2 * border, mix.shape[1]
    of_slice = outputs // 2
    pairs = before * len(earlier) + of_slice * len(own)
    by_direct = len(direct) // (2 * pairs)
    direct_in = np.empty(AT_ONCE * 2 * pairs, np.int16)
    hidden_in = np.empty(AT_ONCE * 2 * pairs, np.int16)
    sums = (
        np.empty(AT_ONCE * by_direct, np.int32),
        np.empty(AT_ONCE * by_hidden, np.int32),
        np.empty(outputs, np.float64),
    )
    constants = np.empty((AT_ONCE, len(constant)), np.int64)
    sizes = _SIZES
    for first in range(0, len(rows), AT_ONCE):
        count, into = min(AT_ONCE, len(rows) - first), 0
        for place in range(count):
            constants[place] = constant
            row, column = rows[first + place], columns[first + place]
            for channel in range(before + of_slice):
                taps = earlier if channel < before else own
                middle = np.int64(canvas[2 * _at(row, column, pitch, border, channels, channel)])
                if channel >= before:
                    total, known = np.int64(0), 0
                    for tap in range(NEXT):
                        down, across = row + taps[tap, 0] * stride, column + taps[tap, 1] * stride
                        if 0 <= down < height and 0 <= across < width:
                            at = _at(down, across, pitch, border, channels, channel)
                            total += canvas[2 * at]
                            known += 1
                    middle = total // known
                for tap in range(len(taps)):
                    down, across = row + taps[tap, 0] * stride, column + taps[tap, 1] * stride
                    difference = np.int64(0)
                    if 0 <= down < height and 0 <= across < width:
                        at = _at(down, across, pitch, border, channels, channel)
                        difference = canvas[2 * at] - middle
                    put(direct_in, hidden_in, into, difference, sizes)
                    into += 2
        inputs = direct_in, hidden_in, pairs
        _evaluate(inputs, count, (direct, hidden, mix), constants, sums, out, first)
