"""Layers of the loop's networks on planes (h, w, channels) of 16-bit integers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .jit import kernel, part
from .products import COLUMNS, LANES, ROWS, add_tile
from .vectors import limited, load, plus, shifted, store, wide

# Vectors of sums in the tiles that cover a layer's outputs.
WIDTHS = COLUMNS, 2 * (COLUMNS + 1) // 3, COLUMNS // 2, 1
_WIDE, _LESS, _HALF, _ONE = (10 * ROWS + width for width in WIDTHS)
_WIDE_ROW, _LESS_ROW, _HALF_ROW, _ONE_ROW = (10 + width for width in WIDTHS)
_PAIRS_AT_ONCE = 96  # of inputs, whose weights stay in a core's first cache
_SUMS_AT_ONCE = 1 << 14


def tiled(weights: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """Weights (inputs, outputs), both even numbers and outputs a multiple of a vector's, of a run
    of inputs, as ``add_products`` takes them.
    """
    inputs, outputs = weights.shape
    pairs = weights.reshape(inputs // 2, 2, outputs).swapaxes(1, 2)
    ends, end = [], 0
    while end < outputs:
        end += LANES * _width.py_func((outputs - end) // LANES)
        ends.append(end)
    tiles = np.split(pairs, ends[:-1], axis=1)
    return np.concatenate([tile.reshape(-1) for tile in tiles])


@part
def _width(left):
    """Of the next tile, where so many vectors are left: none so narrow that it has to wait for its
    own sums, if it can be helped.
    """
    if left >= WIDTHS[0] and left != 2 * WIDTHS[1]:
        return WIDTHS[0]
    if left >= WIDTHS[1]:
        return WIDTHS[1]
    return WIDTHS[2] if left >= WIDTHS[2] else WIDTHS[3]


@part
def add_products(inputs, weights, sums, first, rows, sizes):
    """Add products of some rows of inputs to sums (rows, outputs).

    first: where inputs and weights begin, these tile by tile.  sizes: pairs of inputs, from one row
    of them to the next, outputs.
    """
    pairs, by_input, outputs = sizes
    across, column = outputs // LANES, 0
    while column < across:
        width = _width(across - column)
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
def _memory(count):
    """So many sums, from the beginning of a line of a core's cache on."""
    memory = np.empty(count + 16, dtype=np.int32)
    skipped = -memory.ctypes.data // 4 % 16
    return memory[skipped : skipped + count]


@part
def _begin(sums, scales, rows):
    """Rows of sums with nothing but the bias."""
    outputs = scales.shape[1]
    for row in range(rows):
        for output in range(outputs):
            sums[row * outputs + output] = scales[0, output]


@kernel(
    "void(int16[::1], int16[::1], int32[:, ::1], UniTuple(int64, 7), int64, int64[:, ::1],"
    " int32[:, ::1])",
    "void(int16[::1], int16[::1], int32[:, ::1], UniTuple(int64, 7), int64, int64[:, ::1],"
    " int16[:, ::1])",
)
def dense(inputs, weights, scales, geometry, limit, segments, out):
    """``IntegerLayer.columns`` of positions: (positions, outputs).

    weights: by run and by tile, pairs of inputs by outputs by two.  scales: bias and shift.
    geometry: positions of a row; from one row to the next in inputs, from one position to the next;
    runs of inputs that lie together, from one to the next, and pairs of inputs of each.  segments
    (n, 2): first and last of the positions that are wanted, those of each in one row unless rows
    lie together.
    """
    width, by_row, by_position, runs, by_run, pairs, _ = geometry
    flat, shifts, outputs = out.reshape(-1), scales[1], out.shape[1]
    at_once = max(_SUMS_AT_ONCE // outputs // ROWS, 1) * ROWS
    sums = _memory(at_once * outputs)
    sizes = pairs, by_position, outputs
    for segment in range(len(segments)):
        for start in range(segments[segment, 0], segments[segment, 1], at_once):
            some = min(at_once, segments[segment, 1] - start)
            _begin(sums, scales, some)
            place = start // width * by_row + start % width * by_position
            for run in range(runs):
                first = place + run * by_run, run * pairs * 2 * outputs
                add_products(inputs, weights, sums, first, some, sizes)
            for position in range(some):
                into = start + position
                for output in range(0, outputs, LANES):
                    made = load(sums, position * outputs + output, LANES)
                    made = shifted(made, load(shifts, output, LANES))
                    store(flat, into * outputs + output, limited(made, limit))


@kernel(
    "void(int16[::1], int16[::1], int64[:, ::1], UniTuple(int64, 7), int64, int64[:, ::1],"
    " int32[:, ::1])",
    "void(int16[::1], int16[::1], int64[:, ::1], UniTuple(int64, 7), int64, int64[:, ::1],"
    " int16[:, ::1])",
)
def dense_wide(inputs, weights, scales, geometry, limit, segments, out):
    """The same of inputs of 16 bits: of their lower eight bits and of the rest, one after the
    other, the sums of each of which 32 bits hold.
    """
    width, by_row, by_position, runs, by_run, pairs, _ = geometry
    outputs = out.shape[1]
    at_once = max(_SUMS_AT_ONCE // outputs // ROWS // 2, 1) * ROWS
    low, high = _memory(at_once * outputs), _memory(at_once * outputs)
    biases, shifts = scales[0], scales[1]
    sizes = pairs, by_position, outputs
    for segment in range(len(segments)):
        for start in range(segments[segment, 0], segments[segment, 1], at_once):
            some = min(at_once, segments[segment, 1] - start)
            low[:] = 0
            high[:] = 0
            first = start // width * by_row + start % width * by_position
            for run in range(runs):
                place, at_weight = first + run * by_run, run * pairs * 2 * outputs
                add_products(inputs, weights, low, (place, at_weight), some, sizes)
                place += len(inputs) // 2
                add_products(inputs, weights, high, (place, at_weight), some, sizes)
            for position in range(some):
                at, into = position * outputs, out[start + position]
                for output in range(outputs):
                    made = np.int64(low[at + output]) + (np.int64(high[at + output]) << 8)
                    made = (made + biases[output]) >> shifts[output]
                    into[output] = min(max(made, -limit), limit)


@kernel("void(int16[::1], int32[::1], int64)")
def add_limited(stream, more, limit):
    """Add to a stream, within ±limit; of as many numbers as are a multiple of a vector's."""
    for place in range(0, len(stream), LANES):
        made = plus(load(more, place, LANES), wide(load(stream, place, LANES)))
        store(stream, place, limited(made, limit))


@part
def _bend(sums, shifts, curve, limit, rows, out):
    """What sums (rows, hidden) become in the middle of a block."""
    hidden = len(shifts)
    for position in range(0, rows * hidden, hidden):
        for output in range(0, hidden, LANES):
            made = load(sums, position + output, LANES)
            made = shifted(made, load(shifts, output, LANES))
            store(sums, position + output, plus(limited(made, limit), limit))
    for one in range(rows * hidden):
        out[one] = curve[np.uint32(sums[one])]


@kernel(
    "void(int16[::1], UniTuple(int16[::1], 2), UniTuple(int32[:, ::1], 2), int16[::1],"
    " int64[:, ::1], int16[::1])"
)
def add_dense(inputs, weights, scales, curve, segments, out):
    """Add to a plane (n, channels) what the dense layers of a block make of inputs (n, channels).

    weights, scales: of both layers.  curve: what the outputs of the first become, from the least
    on.  segments (n, 2): first and last of the positions that are wanted.
    """
    (first, second), (first_scales, second_scales) = weights, scales
    hidden, channels = first_scales.shape[1], second_scales.shape[1]
    limit = len(curve) // 2
    at_once = max(_SUMS_AT_ONCE // hidden // ROWS, 1) * ROWS
    sums = _memory(at_once * hidden)
    inside = np.empty(at_once * hidden, dtype=np.int16)
    shifts = first_scales[1], second_scales[1]
    for segment in range(len(segments)):
        for start in range(segments[segment, 0], segments[segment, 1], at_once):
            some = min(at_once, segments[segment, 1] - start)
            _begin(sums, first_scales, some)
            sizes = channels // 2, channels, hidden
            add_products(inputs, first, sums, (start * channels, 0), some, sizes)
            _bend(sums, shifts[0], curve, limit, some, inside)
            _begin(sums, second_scales, some)
            sizes = hidden // 2, hidden, channels
            add_products(inside, second, sums, (0, 0), some, sizes)
            for position in range(0, some * channels, channels):
                for output in range(0, channels, LANES):
                    made = load(sums, position + output, LANES)
                    made = shifted(made, load(shifts[1], output, LANES))
                    place = start * channels + position + output
                    made = plus(made, wide(load(out, place, LANES)))
                    store(out, place, limited(made, limit))
