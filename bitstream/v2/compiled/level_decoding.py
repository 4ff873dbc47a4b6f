"""The levels of a pass by kernels, as ``pass_coder`` reads them in NumPy."""

from __future__ import annotations

import numpy as np

from ...v1.quantiser import MAX_LEVEL
from ..context_network import MEAN_LIMIT, VALUE_BITS
from ..level_contexts import BIN_SHIFT, LEAST_LOG2_SCALE, SCALE_BINS
from ..local_quantisers import FACTOR_BITS, LARGEST_OFFSET
from .contexts import put
from .jit import kernel, part
from .range_coder import decode_escape_values, decode_runs

OUTSIDE = -2.0  # what is returned for a level beyond MAX_LEVEL


@part
def _sorted_bins(expected, columns, bins, order):
    """Bins of scales (n, channels) in one row, and places by bin → where the places of each begin.

    columns (2, n) and (channels,): what is taken off log2 scales.
    """
    starts = np.zeros(SCALE_BINS + 1, dtype=np.int64)
    by_position, by_channel = columns
    channels = len(by_channel)
    for row in range(len(by_position)):
        for channel in range(channels):
            scale = min(max(expected[1, row, channel], -MEAN_LIMIT), MEAN_LIMIT)
            scale -= by_channel[channel] + by_position[row]
            above = scale - (LEAST_LOG2_SCALE << VALUE_BITS) + (1 << (BIN_SHIFT - 1))
            found = min(max(above >> BIN_SHIFT, 0), SCALE_BINS - 1)
            bins[row * channels + channel] = found
            starts[found + 1] += 1
    for found in range(SCALE_BINS):
        starts[found + 1] += starts[found]
    places = starts.copy()
    for place in range(len(bins)):
        order[places[bins[place]]] = place
        places[bins[place]] += 1
    return starts


@part
def _read_class(reader, tables, increment, which, bins, order, levels):
    """The levels of one class: symbols by table, then escapes → bits spent, below 0 for damage.

    which: first bin, radius.  bins: of all levels.  order: places of those of the class.
    """
    first_bin, radius = which
    last_bin, escapes = first_bin + len(tables[0]), 0
    for place in order:
        bins[place] -= first_bin
    bits = decode_runs(reader, tables, increment, bins, order, levels)
    if bits < 0:
        return bits
    for place in order:
        bins[place] += first_bin
        if levels[place] > 2 * radius:
            escapes += 1
        else:
            levels[place] -= radius
    if escapes:
        values, taken = np.empty(escapes, dtype=np.int64), 0
        more = decode_escape_values(*reader, values, escapes)
        if more < 0:
            return more
        bits += more
        for place in range(len(bins)):
            if first_bin <= bins[place] < last_bin and levels[place] > 2 * radius:
                beyond = values[taken] + radius + 1
                levels[place] = -beyond if levels[place] == 2 * radius + 1 else beyond
                taken += 1
    return bits


@part
def _place(expected, levels, factors, by_channel, canvas, at):
    """Values of levels, into the canvas and into values.

    canvas: direct and hidden, flat; sizes of values; values (C, h, w).  at: rows, columns; pitch,
    border, channels of the canvas, and there the first one of the slice; in the values the first.
    """
    direct, hidden, sizes, values = canvas
    rows, columns, pitch, border, all_channels, own, first = at
    channels = len(by_channel)
    for place in range(len(rows)):
        start = (rows[place] + border) * pitch + columns[place] + border
        start = 2 * (start * all_channels + own)
        for channel in range(channels):
            factor = factors[place] * by_channel[channel] * levels[place * channels + channel]
            mean = min(max(expected[0, place, channel], -MEAN_LIMIT), MEAN_LIMIT)
            value = mean + ((factor + (1 << (FACTOR_BITS - 1))) >> FACTOR_BITS)
            values[first + channel, rows[place], columns[place]] = value
            put(direct, hidden, start + 2 * channel, value, sizes)


@kernel(
    "float64(Tuple((uint64[::1], uint32[::1])),"
    " Tuple((UniTuple(int64[:, ::1], 3), UniTuple(int64[:, ::1], 3), UniTuple(boolean[::1], 3))),"
    " UniTuple(int64[:, ::1], 3), int64[:, :, ::1],"
    " Tuple((int16[::1], int16[::1], int16[::1], int64[:, :, ::1])), UniTuple(int64, 5),"
    " UniTuple(int64[::1], 3))"
)
def read_levels(reader, tables, settings, expected, canvas, places, positions):
    """``PassCoder.code`` → bits spent, -1 for damage, -2 for levels out of range.

    reader: state and words.  tables: frequencies, counts and which are stale, of each class.
    settings: first bin, radius and increment of classes (3, 3); factor and log2 factor of every
    offset from the least on (2, offsets); level size and log2 level size (2, channels).  expected
    (2, n, channels): means and log2 scales.  canvas: direct and hidden, sizes of values, values (C,
    h, w).  places: pitch, border and channels of the canvas, and of the slice the first one there
    and in the values.  positions: rows, columns and offsets of the quantiser, (n,) each.
    """
    (frequencies, counts, stale), (classes, of_offsets, of_channels) = tables, settings
    rows, columns, offsets = positions
    channels = of_channels.shape[1]
    bins = np.empty(len(rows) * channels, dtype=np.int64)
    order, levels = np.empty_like(bins), np.empty_like(bins)
    factors, by_position = np.empty_like(offsets), np.empty_like(offsets)
    for place in range(len(offsets)):
        factors[place] = of_offsets[0, offsets[place] + LARGEST_OFFSET]
        by_position[place] = of_offsets[1, offsets[place] + LARGEST_OFFSET]
    starts = _sorted_bins(expected, (by_position, of_channels[1]), bins, order)
    bits = 0.0
    for which in range(len(classes)):
        first_bin, radius, increment = classes[which]
        some = order[starts[first_bin] : starts[first_bin + len(frequencies[which])]]
        if len(some):
            more = _read_class(
                reader,
                (frequencies[which], counts[which], stale[which]),
                increment,
                (first_bin, radius),
                bins,
                some,
                levels,
            )
            if more < 0:
                return more
            bits += more
    for place in range(len(levels)):
        if abs(levels[place]) > MAX_LEVEL:
            return OUTSIDE
    pitch, border, all_channels, own, first = places
    at = rows, columns, pitch, border, all_channels, own, first
    _place(expected, levels, factors, of_channels[0], canvas, at)
    return bits


@kernel(
    "void(int32[:, :, ::1], UniTuple(boolean[:, ::1], 2), UniTuple(int64, 3), int16[::1],"
    " UniTuple(int16[::1], 2))"
)
def begin_inter(prediction, masks, settings, sizes, canvas):
    """``inter_levels``' canvas: flags, values to come and the prediction, near coded blocks.

    prediction (C, h, w): latents.  masks (bh, bw): coded, intra.  settings: positions of a block,
    fraction bits of a step, and it.  canvas: direct and hidden.
    """
    (coded, intra), (direct, hidden) = masks, canvas
    channels, height, width = prediction.shape
    block, bits, step = settings
    of_position = 2 + 2 * channels
    for row in range(height):
        for column in range(width):
            is_near = False
            for down in range(max(row - 1, 0) // block, min(row + 1, height - 1) // block + 1):
                left, right = max(column - 1, 0) // block, min(column + 1, width - 1) // block
                for across in range(left, right + 1):
                    is_near |= coded[down, across]
            if not is_near:
                continue
            start = 2 * of_position * ((row + 1) * (width + 2) + column + 1)
            at = row // block, column // block
            if coded[at]:
                put(direct, hidden, start, 1 << VALUE_BITS, sizes)
                if intra[at]:
                    put(direct, hidden, start + 2, 1 << VALUE_BITS, sizes)
            start += 2 * (2 + channels)
            for channel in range(channels):
                # As exact as in ``values.to_values``, and quicker than a quotient of integers.
                value = np.int64(prediction[channel, row, column]) << bits
                value = np.int64(np.floor(np.float64(value) / np.float64(step)))
                put(direct, hidden, start + 2 * channel, value, sizes)


@kernel(
    "void(int64[:, ::1], Tuple((int16[::1], int16[::1], int16[::1], int64[:, :, ::1])),"
    " UniTuple(int64, 5), UniTuple(int64[::1], 2))"
)
def put_values(values, canvas, places, positions):
    """Values (n, channels) of a pass, into the canvas; the rest as of ``read_levels``."""
    direct, hidden, sizes, out = canvas
    pitch, border, all_channels, own, first = places
    rows, columns = positions
    for place in range(len(rows)):
        start = (rows[place] + border) * pitch + columns[place] + border
        start = 2 * (start * all_channels + own)
        for channel in range(values.shape[1]):
            value = values[place, channel]
            out[first + channel, rows[place], columns[place]] = value
            put(direct, hidden, start + 2 * channel, value, sizes)
