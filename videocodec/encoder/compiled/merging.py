"""Squares that move as one, priced as ``merging`` does it."""

from __future__ import annotations

import numpy as np

from bitstream.v2.compiled.jit import part

from .jit import kernel


@part
def _middle(one, two, three, four):
    """The mean of the middle two, rounded down."""
    total = one + two + three + four
    return (total - min(one, two, three, four) - max(one, two, three, four)) >> 1


@kernel(
    "void(float64[:, ::1], int64[:, :, ::1], UniTuple(int64, 3), float64[::1],"
    " UniTuple(float64, 5), boolean, float64[::1])"
)
def least(costs, fields, shape, logarithms, constants, alike, out):
    """``merging``: what every square costs at least if it moves as one.

    costs (n, blocks), fields (n, blocks, 2); shape: rows and columns of blocks, side.  logarithms:
    log2(1 + d).  constants: λ · bits of a direction; λ, bits of
    a new vector, of every doubling of a component, and of the same.
    alike: only where all of it does.
    """
    high, wide, side = shape
    fixed, lagrangian, new, slope, same = constants
    columns = (wide + side - 1) // side
    for square in range(len(out)):
        row, column = square // columns, square % columns
        top, left = row * side, column * side
        bottom, right = min(top + side, high), min(left + side, wide)
        up, low = max(top - side, 0), top + side if top + side < high else top
        before, after = max(left - side, 0), left + side if left + side < wide else left
        leader, found = top * wide + left, np.inf
        for option in range(len(costs)):
            down, across = fields[option, leader, 0], fields[option, leader, 1]
            total = 0.0
            for y in range(top, bottom):
                for block in range(y * wide + left, y * wide + right):
                    if alike and (
                        fields[option, block, 0] != down or fields[option, block, 1] != across
                    ):
                        total = np.inf
                    total += costs[option, block]
            if total == np.inf:
                continue
            down_apart = down - _middle(
                fields[option, up * wide + left, 0],
                fields[option, low * wide + left, 0],
                fields[option, top * wide + before, 0],
                fields[option, top * wide + after, 0],
            )
            across_apart = across - _middle(
                fields[option, up * wide + left, 1],
                fields[option, low * wide + left, 1],
                fields[option, top * wide + before, 1],
                fields[option, top * wide + after, 1],
            )
            bits = same
            if down_apart != 0 or across_apart != 0:
                lengths = logarithms[abs(down_apart)] + logarithms[abs(across_apart)]
                bits = new + slope * lengths
            found = min(found, total + fixed + lagrangian * bits)
        out[square] = found
