"""Depthwise layers of the loop's networks, as products of pairs of samples side by side."""

from __future__ import annotations

import numpy as np

from .jit import part
from .products import LANES, add_pairs
from .vectors import limited, load, pairs, shifted, store


@part
def pair_up(plane, row, sizes, out, start):
    """Pairs of every sample of a row and the one to the right of it, zeros around the plane.

    plane: (h, w, channels) in one row.  sizes: height, width, channels, margin on both sides of the
    pairs, and how many of these there are.  out: where they come, from ``start`` on.
    """
    height, width, channels, margin, columns = sizes
    end = start + columns * channels
    if not 0 <= row < height:
        out[start:end] = 0
        return
    # From the pair of nothing and the first sample to the pair of the last one and nothing.
    first, last = start + (margin - 1) * channels, start + (margin + width - 1) * channels
    out[start:first] = 0
    out[last + channels : end] = 0
    seen = row * width * channels
    for channel in range(channels):
        out[first + channel] = np.int32(plane[seen + channel]) << 16
    for place in range(0, (width - 1) * channels, LANES):
        one = load(plane, seen + place, LANES)
        other = load(plane, seen + channels + place, LANES)
        store(out, first + channels + place, pairs(one, other))
    seen += (width - 1) * channels
    for channel in range(channels):
        out[last + channel] = np.int32(plane[seen + channel]) & 0xFFFF


@part
def depthwise_row(padded, weights, scales, sizes, places, out):
    """``IntegerLayer.depthwise`` of some positions of a row, within ±limit.

    padded: what ``pair_up`` made of it and of the rows around.  weights: pairs, by row of taps, two
    taps of it, and channel.  scales: bias and shift of every channel.  sizes: width, channels, taps
    a side, limit.  places: where the row begins in ``padded`` and in ``out``; first and last column
    that is wanted.
    """
    width, channels, side, limit = sizes
    seen_row, made_row, begin, end = places
    shifts = scales[channels:]
    pitch = (max(width, 4) + side - 1) * channels
    for column in range(begin, end, 4):
        # The last four overlap with those before.
        start = max(min(column, width - 4), 0)
        for channel in range(0, channels, LANES):
            first = load(scales, channel, LANES)
            second, third, fourth = first, first, first
            weight, seen = channel, seen_row + start * channels + channel
            for _ in range(side):
                for across in range(0, side, 2):
                    factors = load(weights, weight, LANES)
                    at = seen + across * channels
                    first = add_pairs(first, load(padded, at, LANES), factors)
                    at += channels
                    second = add_pairs(second, load(padded, at, LANES), factors)
                    at += channels
                    third = add_pairs(third, load(padded, at, LANES), factors)
                    at += channels
                    fourth = add_pairs(fourth, load(padded, at, LANES), factors)
                    weight += channels
                seen += pitch
            into, by = made_row + start * channels + channel, load(shifts, channel, LANES)
            store(out, into, limited(shifted(first, by), limit))
            if width > 1:
                store(out, into + channels, limited(shifted(second, by), limit))
            if width > 2:
                store(out, into + 2 * channels, limited(shifted(third, by), limit))
            if width > 3:
                store(out, into + 3 * channels, limited(shifted(fourth, by), limit))
