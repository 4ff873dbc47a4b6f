"""3×3 layers in squares of 3×3 outputs, with 25 products a weight and square in place of 81.

Minimal filtering, F(3×3, 3×3) of Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural
Networks", after Winograd 1980, with the points 0, 1, -1 and 2.  Weights and inputs go through
transforms, so that a layer becomes 25 dense ones, the *components*, of squares of inputs.  What
that takes in halves and sixths comes larger here, so all are integers, and sums 36 times what they
should be.  They may go beyond 32 bits, where they wrap around: the product with what 9 is the
inverse of, in 32 bits, makes them four times what they should be, which has 26.
"""

from __future__ import annotations

import numpy as np

from .jit import part
from .products import LANES, TILE_ROWS, make_tile
from .vectors import limited, load, minus, plus, shifted, store, times

SIDE = 3  # of a square
POINTS = 5  # of inputs that a square sees in each direction, and of components
COMPONENTS = POINTS**2
# What three weights become in each direction, and by how much inputs grow in both.
DIRECTION = np.array([[3, 0, 0], [1, 1, 1], [-1, 1, -1], [1, 2, 4], [0, 0, 6]])
INPUTS_GROW = 36
_NINTH = 954437177  # times 9 it is 1 in 32 bits
_CHANNELS = 32  # that lie together in values
MOST_CHANNELS = 256  # of inputs and of outputs
SQUARES = 8  # of outputs at once: what is made of them stays in a core's first caches
_ONE, _TWO, _THREE = (
    100 * min(TILE_ROWS[0 if width == 1 else 1], SQUARES) + 10 * width for width in (1, 2, 3)
)  # tiles
_ONE_MORE, _TWO_MORE, _THREE_MORE = _ONE + 1, _TWO + 1, _THREE + 1
_ROWS_OF_ONE, _ROWS = _ONE // 100, _TWO // 100


def width_of(left: int) -> int:
    """Of the next tile, in vectors, where so many are left."""
    return 3 if left == 3 else min(left, 2)


_next_width = part(width_of)


@part
def _transformed(first, second, third, fourth, fifth):
    """Five samples in one direction, of which each may be 36 times a half of what it was."""
    outer, inner, before = minus(fourth, second), minus(second, third), minus(fourth, third)
    ends = minus(first, third)
    return (
        plus(plus(ends, ends), outer),
        minus(before, plus(second, second)),
        plus(before, plus(inner, inner)),
        outer,
        minus(minus(fifth, third), plus(outer, outer)),
    )


@part
def _column(plane, seen, column, width, lanes):
    """The five samples of a column, transformed downwards.

    seen: where the first samples of five rows lie, how far it is from one column to the next, and
    where there are zeros.  lanes: channels, side by side.
    """
    starts, steps, zeros = seen
    if 0 <= column < width:
        at = (
            starts[0] + column * steps[0],
            starts[1] + column * steps[1],
            starts[2] + column * steps[2],
            starts[3] + column * steps[3],
            starts[4] + column * steps[4],
        )
    else:
        at = (zeros, zeros, zeros, zeros, zeros)
    return _transformed(
        load(plane, at[0], lanes),
        load(plane, at[1], lanes),
        load(plane, at[2], lanes),
        load(plane, at[3], lanes),
        load(plane, at[4], lanes),
    )


@part
def _across(values, place, by, columns):
    """A row of five columns, transformed: five components, so far apart."""
    made = _transformed(columns[0], columns[1], columns[2], columns[3], columns[4])
    store(values, place, made[0])
    store(values, place + by, made[1])
    store(values, place + 2 * by, made[2])
    store(values, place + 3 * by, made[3])
    store(values, place + 4 * by, made[4])


@part
def _channels(plane, seen, squares, width, values, place, lanes):
    """Components of some channels of squares from the first to before the last one."""
    by, (square, last) = SQUARES * _CHANNELS, squares
    row = POINTS * by
    one = _column(plane, seen, SIDE * square - 1, width, lanes)
    two = _column(plane, seen, SIDE * square, width, lanes)
    while square < last:
        three = _column(plane, seen, SIDE * square + 1, width, lanes)
        four = _column(plane, seen, SIDE * square + 2, width, lanes)
        five = _column(plane, seen, SIDE * square + 3, width, lanes)
        _across(values, place, by, (one[0], two[0], three[0], four[0], five[0]))
        _across(values, place + row, by, (one[1], two[1], three[1], four[1], five[1]))
        _across(values, place + 2 * row, by, (one[2], two[2], three[2], four[2], five[2]))
        _across(values, place + 3 * row, by, (one[3], two[3], three[3], four[3], five[3]))
        _across(values, place + 4 * row, by, (one[4], two[4], three[4], four[4], five[4]))
        one, two, place, square = four, five, place + _CHANNELS, square + 1


@part
def spread(plane, seen, squares, sizes, values):
    """Components of a row of squares: by 32 channels, component, square and channel.

    squares: the first one, and the one after the last, at most SQUARES.  sizes: columns and
    channels of the plane.
    """
    (starts, steps, zeros), (width, channels) = seen, sizes
    for channel in range(0, channels, _CHANNELS):
        some = (
            (
                starts[0] + channel,
                starts[1] + channel,
                starts[2] + channel,
                starts[3] + channel,
                starts[4] + channel,
            ),
            steps,
            zeros,
        )
        place = channel * COMPONENTS * SQUARES
        if channels - channel >= _CHANNELS:
            _channels(plane, some, squares, width, values, place, 32)
        else:
            _channels(plane, some, squares, width, values, place, 16)


@part
def multiply(values, weights, sums, count, sizes):
    """Sums of every component: by component, square and output.  count: of squares; up to SQUARES
    there may be anything after them.  sizes: channels, outputs.
    """
    channels, outputs = sizes
    for component in range(COMPONENTS):
        output = 0
        while output < outputs:
            width = _next_width((outputs - output) // LANES)
            rows = _ROWS_OF_ONE if width == 1 else _ROWS
            for channel in range(0, channels, _CHANNELS):
                some = min(channels - channel, _CHANNELS)
                weight = (component * outputs + output) * channels + channel * width * LANES
                value = (channel * COMPONENTS + component * _CHANNELS) * SQUARES
                tile = some // 2, outputs
                for square in range(0, count, rows):
                    places = (
                        value + square * _CHANNELS,
                        weight,
                        (component * SQUARES + square) * outputs + output,
                    )
                    if channel == 0:
                        if width == 2:
                            make_tile(values, weights, sums, places, tile, _TWO)
                        elif width == 3:
                            make_tile(values, weights, sums, places, tile, _THREE)
                        else:
                            make_tile(values, weights, sums, places, tile, _ONE)
                    elif width == 2:
                        make_tile(values, weights, sums, places, tile, _TWO_MORE)
                    elif width == 3:
                        make_tile(values, weights, sums, places, tile, _THREE_MORE)
                    else:
                        make_tile(values, weights, sums, places, tile, _ONE_MORE)
            output += width * LANES


@part
def _three(first, second, third, fourth, fifth):
    """Outputs of five components, six times what they should be."""
    second = plus(plus(second, second), second)
    both, double = minus(third, second), plus(fourth, fourth)
    return (
        plus(plus(first, both), fourth),
        minus(double, plus(third, second)),
        plus(plus(both, fifth), plus(double, double)),
    )


@part
def _downwards(sums, place, by, lanes):
    return _three(
        load(sums, place, lanes),
        load(sums, place + by, lanes),
        load(sums, place + 2 * by, lanes),
        load(sums, place + 3 * by, lanes),
        load(sums, place + 4 * by, lanes),
    )


@part
def _row_of(columns, bias, shifts):
    first, second, third = _three(columns[0], columns[1], columns[2], columns[3], columns[4])
    return (
        shifted(plus(times(first, _NINTH), bias), shifts),
        shifted(plus(times(second, _NINTH), bias), shifts),
        shifted(plus(times(third, _NINTH), bias), shifts),
    )


@part
def square_of(sums, scales, place, outputs, output, lanes):
    """Some outputs of a square, row by row.  place: of its first component's.  scales: bias and
    shift of every output, of sums four times as large.
    """
    by, place = SQUARES * outputs, place + output
    row = POINTS * by
    one = _downwards(sums, place, row, lanes)
    two = _downwards(sums, place + by, row, lanes)
    three = _downwards(sums, place + 2 * by, row, lanes)
    four = _downwards(sums, place + 3 * by, row, lanes)
    five = _downwards(sums, place + 4 * by, row, lanes)
    bias, shifts = load(scales, output, lanes), load(scales, outputs + output, lanes)
    return (
        _row_of((one[0], two[0], three[0], four[0], five[0]), bias, shifts),
        _row_of((one[1], two[1], three[1], four[1], five[1]), bias, shifts),
        _row_of((one[2], two[2], three[2], four[2], five[2]), bias, shifts),
    )


@part
def gather(sums, scales, squares, sizes, limit, places, out):
    """Outputs within ±limit, of a row of squares.

    sizes: outputs, columns of the plane.  places: where its rows begin, -1 of those that lie
    beyond the plane.
    """
    outputs, width = sizes
    for square in range(squares[0], squares[1]):
        place, column = (square - squares[0]) * outputs, SIDE * square
        left = width - column
        for output in range(0, outputs, LANES):
            # Stores, not a function of the array, to which numba would count references.
            upper, middle, lower = square_of(sums, scales, place, outputs, output, LANES)
            at = places[0] + column * outputs + output
            store(out, at, limited(upper[0], limit))
            if left > 1:
                store(out, at + outputs, limited(upper[1], limit))
            if left > 2:
                store(out, at + 2 * outputs, limited(upper[2], limit))
            if places[1] >= 0:
                at = places[1] + column * outputs + output
                store(out, at, limited(middle[0], limit))
                if left > 1:
                    store(out, at + outputs, limited(middle[1], limit))
                if left > 2:
                    store(out, at + 2 * outputs, limited(middle[2], limit))
            if places[2] >= 0:
                at = places[2] + column * outputs + output
                store(out, at, limited(lower[0], limit))
                if left > 1:
                    store(out, at + outputs, limited(lower[1], limit))
                if left > 2:
                    store(out, at + 2 * outputs, limited(lower[2], limit))


@part
def rows_around(row, sizes, zeros):
    """Where the five rows lie that three rows of outputs see, as ``spread`` takes it; row: the
    first of these.  sizes: height, width and channels of the plane, and how many rows of it there
    are, the others in their places.
    """
    starts = (
        _start(row - 1, sizes, zeros),
        _start(row, sizes, zeros),
        _start(row + 1, sizes, zeros),
        _start(row + 2, sizes, zeros),
        _start(row + 3, sizes, zeros),
    )
    height, channels = sizes[0], sizes[2]
    steps = (
        channels if row > 0 else 0,
        channels,
        channels if row + 1 < height else 0,
        channels if row + 2 < height else 0,
        channels if row + 3 < height else 0,
    )
    return starts, steps, zeros


@part
def _start(row, sizes, zeros):
    height, width, channels, kept = sizes
    return row % kept * width * channels if 0 <= row < height else zeros
