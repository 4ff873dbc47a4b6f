"""Depthwise layers of the loop's networks, as products of pairs of samples side by side."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .products import LANES, add_pairs
from .vectors import limited, load, pairs, shifted, store


@kernel("void(int16[::1], UniTuple(int64, 6), int32[::1])")
def pair_up(plane, geometry, out):
    """Pairs of every sample of some rows and the one to the right of it, zeros around the plane.

    plane: (h, w, channels) in one row.  out: memory for rows of pairs, each with a margin on both
    sides.  geometry: columns, channels, margin, those of a row in ``out``; first and last of the
    rows, those before and behind the plane zeros.
    """
    width, channels, margin, columns, first, last = geometry
    height = len(plane) // (width * channels)
    for row in range(first, last):
        start = (row - first) * columns * channels
        if not 0 <= row < height:
            out[start : start + columns * channels] = 0
            continue
        # From the pair of nothing and the first sample to the pair of the last one and nothing.
        begin, end = start + (margin - 1) * channels, start + (margin + width) * channels
        out[start:begin] = 0
        out[end : start + columns * channels] = 0
        seen = row * width * channels
        for channel in range(channels):
            out[begin + channel] = np.int32(plane[seen + channel]) << 16
        last_one = (width - 1) * channels
        for place in range(0, last_one, LANES):
            one = load(plane, seen + place, LANES)
            other = load(plane, seen + channels + place, LANES)
            store(out, begin + channels + place, pairs(one, other))
        for channel in range(channels):
            at = last_one + channel
            out[begin + channels + at] = np.int32(plane[seen + at]) & 0xFFFF


@kernel("void(int32[::1], int32[::1], int32[:, ::1], UniTuple(int64, 3), int64[:, ::1], int16[::1])")
def depthwise(padded, weights, scales, geometry, segments, out):
    """``IntegerLayer.depthwise`` of what ``pair_up`` made of a plane, within ±limit.

    weights: pairs, by row of taps, two taps of it, and channel.  scales: bias and shift.  geometry:
    columns of the plane, taps a side, limit.  segments (n, 2): first and last of the positions that
    are wanted, those of each in one row.  out: (h, w, channels) in one row.
    """
    width, side, limit = geometry
    channels = scales.shape[1]
    biases, shifts = scales[0], scales[1]
    pitch = (max(width, 4) + side - 1) * channels
    for segment in range(len(segments)):
        row = segments[segment, 0] // width
        for place in range(segments[segment, 0], segments[segment, 1], 4):
            # The last four overlap with those before.
            start = max(min(place - row * width, width - 4), 0)
            for channel in range(0, channels, LANES):
                first = load(biases, channel, LANES)
                second, third, fourth = first, first, first
                weight, seen = channel, row * pitch + start * channels + channel
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
                into, by = (row * width + start) * channels + channel, load(shifts, channel, LANES)
                store(out, into, limited(shifted(first, by), limit))
                if width > 1:
                    store(out, into + channels, limited(shifted(second, by), limit))
                if width > 2:
                    store(out, into + 2 * channels, limited(shifted(third, by), limit))
                if width > 3:
                    store(out, into + 3 * channels, limited(shifted(fourth, by), limit))
