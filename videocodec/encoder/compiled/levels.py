"""Levels chosen as ``conditional_quantiser`` does it."""

from __future__ import annotations

import numpy as np

from bitstream.v2.compiled.jit import part
from bitstream.v2.context_network import VALUE_BITS

from .jit import kernel

_UNIT = float(1 << VALUE_BITS)  # of means and sizes of levels


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
    "void(UniTuple(float64[:, ::1], 2), int64, int64[::1], UniTuple(int64[:, ::1], 2),"
    " UniTuple(float64[:, ::1], 2), Tuple((float64[::1], int64[:, ::1], float64[::1], float64)),"
    " int64[:, ::1])"
)
def chosen(planes, first, positions, expected, counted, prices, out):
    """``ConditionalQuantiser`` of a pass: levels (n, channels).

    planes: targets and gains, (C, h · w).  first: channel.  positions (n,), flat.  expected: means
    and bins of scales, counted: sizes of levels and weights of errors, (n, channels) each.  prices:
    costs of all tables one after another, where those of each class lie, bits of escapes, λ.
    """
    (target, gains), (mean, bins), (sizes, weights) = planes, expected, counted
    tables, classes, escapes, lagrangian = prices
    for each in range(len(positions)):
        at = positions[each]
        for channel in range(out.shape[1]):
            wanted, weight = target[first + channel, at], weights[each, channel]
            size, scale_bin = sizes[each, channel] / _UNIT, bins[each, channel]
            rest = (wanted - mean[each, channel] / _UNIT) / size
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
