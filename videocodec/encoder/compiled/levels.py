"""Levels chosen as ``conditional_quantiser`` does it."""

from __future__ import annotations

import numpy as np

from bitstream.v2.compiled.jit import part

from .jit import kernel


@part
def _bits(level, scale_bin, tables, classes, escapes):
    """Of a level; classes: of tables, first bin, radius and where their costs begin."""
    kind = 0
    while kind + 1 < len(classes) and scale_bin >= classes[kind + 1, 0]:
        kind += 1
    radius = classes[kind, 1]
    start = classes[kind, 2] + (scale_bin - classes[kind, 0]) * (2 * radius + 3)
    if level < -radius:
        return tables[start + 2 * radius + 1] + escapes[min(-level - radius - 1, len(escapes) - 1)]
    if level > radius:
        return tables[start + 2 * radius + 2] + escapes[min(level - radius - 1, len(escapes) - 1)]
    return tables[start + level + radius]


@kernel(
    "void(float64[:, ::1], UniTuple(int64, 2), int64[::1], int64[:, ::1], int64[:, ::1],"
    " float64[:, ::1], float64[:, ::1], Tuple((float64[::1], int64[:, ::1], float64[::1])),"
    " UniTuple(float64, 2), float64[:, ::1], int64[:, ::1])"
)
def chosen(
    target, place, positions, mean, bins, sizes, weights, prices, constants, gains, out
):
    """``ConditionalQuantiser`` of a pass: levels (n, channels).

    target, gains (C, h · w).  place: first channel, and 0.  positions (n,), flat.  mean, bins (of
    scales), sizes, weights (n, channels).  prices: costs of all tables one after another, where
    those of each class lie, bits of escapes.  constants: λ, the unit of means.
    """
    first, (tables, classes, escapes) = place[0], prices
    lagrangian, unit = constants
    for each in range(len(positions)):
        at = positions[each]
        for channel in range(out.shape[1]):
            wanted, weight = target[first + channel, at], weights[each, channel]
            size, scale_bin = sizes[each, channel] / unit, bins[each, channel]
            rest = (wanted - mean[each, channel] / unit) / size
            nearest = np.int64(np.rint(rest))
            best, least = nearest, np.inf
            for trial in range(3):
                level = nearest
                if trial == 1:
                    level = nearest + 1 if rest > nearest else nearest - 1
                elif trial == 2:
                    level = 0
                error = size * (rest - level)
                cost = weight * (error * error) + lagrangian * _bits(
                    level, scale_bin, tables, classes, escapes
                )
                if cost < least:
                    best, least = level, cost
            out[each, channel] = best
            gains[first + channel, at] = weight * (wanted * wanted) - least
