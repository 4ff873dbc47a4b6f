"""Layers of the loop's networks on planes (h, w, channels) of 16-bit integers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import lookups
from .jit import part
from .lookups import looked_up
from .products import COLUMNS, LANES, ROWS, add_tile
from .vectors import limited, load, plus, shifted, store, wide

# Vectors of sums in the tiles that cover a layer's outputs.
WIDTHS = COLUMNS, 2 * (COLUMNS + 1) // 3, COLUMNS // 2, 1
_WIDE, _LESS, _HALF, _ONE = (10 * ROWS + width for width in WIDTHS)
_WIDE_ROW, _LESS_ROW, _HALF_ROW, _ONE_ROW = (10 + width for width in WIDTHS)
_PAIRS_AT_ONCE = 96  # of inputs, whose weights stay in a core's first cache
SUMS_AT_ONCE = 1 << 14


def tiled(weights: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """Weights (inputs, outputs), both even numbers and outputs a multiple of a vector's, of a run
    of inputs, as ``add_products`` takes them.
    """
    inputs, outputs = weights.shape
    pairs = weights.reshape(inputs // 2, 2, outputs).swapaxes(1, 2)
    ends, end = [], 0
    while end < outputs:
        end += LANES * _width((outputs - end) // LANES)
        ends.append(end)
    tiles = np.split(pairs, ends[:-1], axis=1)
    return np.concatenate([tile.reshape(-1) for tile in tiles])


def _width(left: int) -> int:
    """Of the next tile, where so many vectors are left: none so narrow that it has to wait for its
    own sums, if it can be helped.
    """
    if left >= WIDTHS[0] and left != 2 * WIDTHS[1]:
        return WIDTHS[0]
    if left >= WIDTHS[1]:
        return WIDTHS[1]
    return WIDTHS[2] if left >= WIDTHS[2] else WIDTHS[3]


_next_width = part(_width)


@part
def add_products(inputs, weights, sums, first, rows, sizes):
    """Add products of some rows of inputs to sums (rows, outputs).

    first: where inputs and weights begin, these tile by tile.  sizes: pairs of inputs, from one row
    of them to the next, outputs.
    """
    pairs, by_input, outputs = sizes
    across, column = outputs // LANES, 0
    while column < across:
        width = _next_width(across - column)
        for pair in range(0, pairs, _PAIRS_AT_ONCE):
            some = min(_PAIRS_AT_ONCE, pairs - pair)
            at_weight, row = first[1] + 2 * LANES * (column * pairs + width * pair), 0
            tile = some, by_input, 2 * LANES * width, outputs
            while row < rows:
                at_input = first[0] + row * by_input + 2 * pair
                places = at_input, at_weight, row * outputs + LANES * column
                if rows - row >= ROWS:
                    if width == WIDTHS[0]:
                        add_tile(inputs, weights, sums, places, tile, _WIDE)
                    elif width == WIDTHS[1]:
                        add_tile(inputs, weights, sums, places, tile, _LESS)
                    elif width == WIDTHS[2]:
                        add_tile(inputs, weights, sums, places, tile, _HALF)
                    else:
                        add_tile(inputs, weights, sums, places, tile, _ONE)
                    row += ROWS
                else:
                    if width == WIDTHS[0]:
                        add_tile(inputs, weights, sums, places, tile, _WIDE_ROW)
                    elif width == WIDTHS[1]:
                        add_tile(inputs, weights, sums, places, tile, _LESS_ROW)
                    elif width == WIDTHS[2]:
                        add_tile(inputs, weights, sums, places, tile, _HALF_ROW)
                    else:
                        add_tile(inputs, weights, sums, places, tile, _ONE_ROW)
                    row += 1
        column += width


@part
def memory(count):
    """So many sums, from the beginning of a line of a core's cache on."""
    sums = np.empty(count + 16, dtype=np.int32)
    skipped = -sums.ctypes.data // 4 % 16
    return sums[skipped : skipped + count]


@part
def _begin(sums, biases, rows, outputs):
    """Rows of sums with nothing but the bias."""
    for row in range(rows):
        for output in range(0, outputs, LANES):
            store(sums, row * outputs + output, load(biases, output, LANES))


@part
def dense_row(inputs, weights, scales, sizes, places, sums, out):
    """``IntegerLayer.columns`` of positions side by side, within ± a limit.

    weights: by run and by tile, pairs of inputs by outputs by two.  scales: bias and shift of every
    output.  sizes: from one position to the next in inputs; runs of inputs that lie together, from
    one to the next, and pairs of inputs of each; outputs; the limit.  places: of the first one's
    inputs and outputs, and how many there are.  sums: memory to work in.
    """
    by_position, runs, by_run, pairs, outputs, limit = sizes
    first, into, count = places
    biases, shifts = scales[:outputs], scales[outputs:]
    at_once = max(SUMS_AT_ONCE // outputs // ROWS, 1) * ROWS
    for start in range(0, count, at_once):
        some = min(at_once, count - start)
        _begin(sums, biases, some, outputs)
        for run in range(runs):
            place = first + start * by_position + run * by_run, run * pairs * 2 * outputs
            add_products(inputs, weights, sums, place, some, (pairs, by_position, outputs))
        for place in range(0, some * outputs, outputs):
            for output in range(0, outputs, LANES):
                made = shifted(load(sums, place + output, LANES), load(shifts, output, LANES))
                store(out, into + start * outputs + place + output, limited(made, limit))


@part
def wide_row(inputs, weights, scales, sizes, places, sums, out):
    """The same of inputs of 16 bits: of their lower eight bits and of the rest, the sums of each of
    which 32 bits hold.

    inputs, sums: two each.  scales: of 64 bits.
    """
    by_position, runs, by_run, pairs, outputs, limit = sizes
    first, into, count = places
    low, high = sums
    at_once = max(SUMS_AT_ONCE // outputs // ROWS, 1) * ROWS
    for start in range(0, count, at_once):
        some = min(at_once, count - start)
        low[: some * outputs] = 0
        high[: some * outputs] = 0
        for run in range(runs):
            place = first + start * by_position + run * by_run, run * pairs * 2 * outputs
            add_products(inputs[0], weights, low, place, some, (pairs, by_position, outputs))
            add_products(inputs[1], weights, high, place, some, (pairs, by_position, outputs))
        for place in range(0, some * outputs, outputs):
            for output in range(outputs):
                made = np.int64(low[place + output]) + (np.int64(high[place + output]) << 8)
                made = (made + scales[output]) >> scales[outputs + output]
                out[into + start * outputs + place + output] = min(max(made, -limit), limit)


@part
def add_limited(stream, more, first, count, limit):
    """Add to a stream, within ±limit; of as many numbers as are a multiple of a vector's."""
    for place in range(first, first + count, LANES):
        made = plus(load(more, place, LANES), wide(load(stream, place, LANES)))
        store(stream, place, limited(made, limit))


@part
def _bend_one_by_one(sums, shifts, curve, limit, sizes, out):
    """What sums become in the middle of a block; sizes: rows and hidden units."""
    rows, hidden = sizes
    for position in range(0, rows * hidden, hidden):
        for output in range(0, hidden, LANES):
            made = load(sums, position + output, LANES)
            made = shifted(made, load(shifts, output, LANES))
            store(sums, position + output, plus(limited(made, limit), limit))
    for one in range(rows * hidden):
        out[one] = curve[np.uint32(sums[one])]


@part
def _bend_together(sums, shifts, curve, limit, sizes, out):
    """The same."""
    rows, hidden = sizes
    for position in range(0, rows * hidden, hidden):
        for output in range(0, hidden, LANES):
            made = load(sums, position + output, LANES)
            made = shifted(made, load(shifts, output, LANES))
            places = plus(limited(made, limit), limit)
            store(out, position + output, looked_up(curve, places))


_bend = _bend_together if lookups.IS_QUICK else _bend_one_by_one


@part
def add_dense_row(inputs, layers, sizes, places, scratch, out):
    """Add to a stream what the dense layers of a block make of inputs.

    layers: weights and scales of the first, the curve, weights and scales of the second.  sizes:
    channels, hidden units, limit of the stream.  places: of the first position's inputs and
    outputs, and how many there are.  scratch: memory for sums, and for what lies between the
    layers.
    """
    first, first_scales, curve, second, second_scales = layers
    channels, hidden, limit = sizes
    first_place, into, count = places
    sums, inside = scratch
    shifts = second_scales[channels:]
    at_once = max(SUMS_AT_ONCE // hidden // ROWS, 1) * ROWS
    for start in range(0, count, at_once):
        some = min(at_once, count - start)
        _begin(sums, first_scales, some, hidden)
        place = first_place + start * channels, 0
        add_products(inputs, first, sums, place, some, (channels // 2, channels, hidden))
        _bend(sums, first_scales[hidden:], curve, limit, (some, hidden), inside)
        _begin(sums, second_scales, some, channels)
        add_products(inside, second, sums, (0, 0), some, (hidden // 2, hidden, channels))
        for place in range(0, some * channels, channels):
            for output in range(0, channels, LANES):
                made = shifted(load(sums, place + output, LANES), load(shifts, output, LANES))
                at = into + start * channels + place + output
                made = plus(made, wide(load(out, at, LANES)))
                store(out, at, limited(made, limit))
