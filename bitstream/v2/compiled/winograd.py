"""3×3 layers in squares of 2×2 outputs, with 16 products a weight and square in place of 36.

Minimal filtering, F(2×2, 3×3) of Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural
Networks", after Winograd 1980.  Weights and inputs go through transforms, so that a layer becomes
16 dense ones, the *components*, of squares of inputs.  What that takes in halves comes twice as
large in either direction here, so all are integers, and sums four times what they should be.  Those
of components may go beyond 32 bits, where they wrap around, and come back when they are added: what
they become in the end has 26 bits.
"""

from __future__ import annotations

from .jit import part
from .products import LANES, TILE_ROWS, make_tile
from .vectors import limited, load, minus, plus, shifted, store

COMPONENTS = 16
_CHANNELS = 32  # that lie together in values
MOST_CHANNELS = 256  # of inputs and of outputs
TOGETHER = 2  # vectors across of tiles
SQUARES = 16  # of outputs at once: what is made of them stays in a core's first caches
_PAIR, _ONE = (100 * TILE_ROWS[width - 1] + 10 * width for width in (2, 1))  # of tiles
_PAIR_MORE, _ONE_MORE = _PAIR + 1, _ONE + 1


@part
def _column(plane, seen, column, width, lanes):
    """The four samples of a column, transformed downwards.

    seen: where the first samples of four rows lie, how far it is from one column to the next, and
    where there are zeros.  lanes: channels, side by side.
    """
    starts, steps, zeros = seen
    if 0 <= column < width:
        at = (
            starts[0] + column * steps[0],
            starts[1] + column * steps[1],
            starts[2] + column * steps[2],
            starts[3] + column * steps[3],
        )
    else:
        at = (zeros, zeros, zeros, zeros)
    first, second = load(plane, at[0], lanes), load(plane, at[1], lanes)
    third, fourth = load(plane, at[2], lanes), load(plane, at[3], lanes)
    outer, last = minus(first, third), minus(second, fourth)
    return plus(outer, outer), plus(second, third), minus(third, second), plus(last, last)


@part
def _across(values, place, by, columns):
    """A row of four columns, transformed: four components, so far apart."""
    first, second, third, fourth = columns
    outer, last = minus(first, third), minus(second, fourth)
    store(values, place, plus(outer, outer))
    store(values, place + by, plus(second, third))
    store(values, place + 2 * by, minus(third, second))
    store(values, place + 3 * by, plus(last, last))


@part
def _channels(plane, seen, squares, width, values, place, lanes):
    """Components of some channels of squares from the first to before the last one."""
    by, (square, last) = SQUARES * _CHANNELS, squares
    left = _column(plane, seen, 2 * square - 1, width, lanes)
    middle = _column(plane, seen, 2 * square, width, lanes)
    while square < last:
        right = _column(plane, seen, 2 * square + 1, width, lanes)
        beyond = _column(plane, seen, 2 * square + 2, width, lanes)
        _across(values, place, by, (left[0], middle[0], right[0], beyond[0]))
        _across(values, place + 4 * by, by, (left[1], middle[1], right[1], beyond[1]))
        _across(values, place + 8 * by, by, (left[2], middle[2], right[2], beyond[2]))
        _across(values, place + 12 * by, by, (left[3], middle[3], right[3], beyond[3]))
        left, middle, place, square = right, beyond, place + _CHANNELS, square + 1


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
        for output in range(0, outputs, 2 * LANES):
            pair = outputs - output >= 2 * LANES
            for channel in range(0, channels, _CHANNELS):
                some = min(channels - channel, _CHANNELS)
                wide = 2 * LANES if pair else LANES
                weight = component * channels * outputs + output * channels + channel * wide
                rows = TILE_ROWS[1] if pair else TILE_ROWS[0]
                for square in range(0, count, rows):
                    value = (channel * COMPONENTS + component * _CHANNELS) * SQUARES
                    places = (
                        value + square * _CHANNELS,
                        weight,
                        (component * SQUARES + square) * outputs + output,
                    )
                    tile = some // 2, outputs
                    if pair and channel == 0:
                        make_tile(values, weights, sums, places, tile, _PAIR)
                    elif pair:
                        make_tile(values, weights, sums, places, tile, _PAIR_MORE)
                    elif channel == 0:
                        make_tile(values, weights, sums, places, tile, _ONE)
                    else:
                        make_tile(values, weights, sums, places, tile, _ONE_MORE)


@part
def _downwards(sums, place, by, lanes):
    """Two of four components, one below the other."""
    second, third = load(sums, place + by, lanes), load(sums, place + 2 * by, lanes)
    upper = plus(plus(load(sums, place, lanes), second), third)
    return upper, minus(minus(second, third), load(sums, place + 3 * by, lanes))


@part
def _two(first, second, third, fourth):
    return plus(plus(first, second), third), minus(minus(second, third), fourth)


@part
def square_of(sums, scales, place, outputs, output, lanes):
    """Some outputs of a square, row by row.  place: of its first component's.  scales: bias and
    shift of every output, of sums four times as large.
    """
    by, place = SQUARES * outputs, place + output
    upper_1, lower_1 = _downwards(sums, place, 4 * by, lanes)
    upper_2, lower_2 = _downwards(sums, place + by, 4 * by, lanes)
    upper_3, lower_3 = _downwards(sums, place + 2 * by, 4 * by, lanes)
    upper_4, lower_4 = _downwards(sums, place + 3 * by, 4 * by, lanes)
    bias, shifts = load(scales, output, lanes), load(scales, outputs + output, lanes)
    # The second component of a row is part of both of its outputs.
    first, second = _two(upper_1, plus(upper_2, bias), upper_3, upper_4)
    third, fourth = _two(lower_1, plus(lower_2, bias), lower_3, lower_4)
    return (
        shifted(first, shifts),
        shifted(second, shifts),
        shifted(third, shifts),
        shifted(fourth, shifts),
    )


@part
def gather(sums, scales, squares, sizes, limit, places, out):
    """Outputs within ±limit, of a row of squares.

    sizes: outputs, columns of the plane.  places: where its rows begin, the second one -1 if it
    lies beyond the plane.
    """
    outputs, width = sizes
    upper, lower = places
    for square in range(squares[0], squares[1]):
        place, column = (square - squares[0]) * outputs, 2 * square
        for output in range(0, outputs, LANES):
            made = square_of(sums, scales, place, outputs, output, LANES)
            at = column * outputs + output
            store(out, upper + at, limited(made[0], limit))
            if column + 1 < width:
                store(out, upper + at + outputs, limited(made[1], limit))
            if lower >= 0:
                store(out, lower + at, limited(made[2], limit))
                if column + 1 < width:
                    store(out, lower + at + outputs, limited(made[3], limit))


@part
def rows_around(row, sizes, zeros):
    """Where the four rows lie that two rows of outputs see, as ``spread`` takes it; row: the first
    of these.  sizes: height, width and channels of the plane, and how many rows of it there are,
    the others in their places.
    """
    starts = (
        _start(row - 1, sizes, zeros),
        _start(row, sizes, zeros),
        _start(row + 1, sizes, zeros),
        _start(row + 2, sizes, zeros),
    )
    height, channels = sizes[0], sizes[2]
    steps = (
        channels if row > 0 else 0,
        channels,
        channels if row + 1 < height else 0,
        channels if row + 2 < height else 0,
    )
    return starts, steps, zeros


@part
def _start(row, sizes, zeros):
    height, width, channels, kept = sizes
    return row % kept * width * channels if 0 <= row < height else zeros
