"""Pictures as a search sees them: what lies between their pixels, as ``picture_squares`` makes it,
and their grey levels, as ``block_matching`` does.
"""

from __future__ import annotations

import numpy as np

from bitstream.v2.compiled.jit import part
from bitstream.v2.compiled.vectors import (
    load,
    minus,
    plus,
    shifted,
    store,
    times,
    wide,
)

from .jit import kernel

_LANES = 16
_INNER, _OUTER, _TAP_BITS = 19, -3, 5  # the cubic half way, in 1 << 5 parts


@part
def _sum_of_taps(one, two, three, four):
    return plus(times(plus(two, three), _INNER), times(plus(one, four), _OUTER))


@part
def _across(samples, place):
    return _sum_of_taps(
        wide(load(samples, place - 1, _LANES)),
        wide(load(samples, place, _LANES)),
        wide(load(samples, place + 1, _LANES)),
        wide(load(samples, place + 2, _LANES)),
    )


@part
def _rounded(sums, bits):
    """Halves to even numbers, as ``numpy.rint`` does it."""
    down = shifted(sums, bits)
    odd = minus(down, times(shifted(down, 1), 2))
    return shifted(plus(plus(sums, odd), (1 << (bits - 1)) - 1), bits)


@kernel("void(int16[:, :, ::1], int64, int16[:, :, :, ::1])")
def halves(around, reach, out):
    """``PictureSquares.samples`` (4, P, H, W), of planes (P, H + 2 · reach, W + 2 · reach).

    reach: at least 2; W: at least 16; samples: 0..4095, whose sums float32 holds too.
    """
    samples, made = around.reshape(-1), out.reshape(-1)
    pitch, (_, count, height, width) = around.shape[2], out.shape
    by_phase = count * height * width
    for plane in range(count):
        for row in range(height):
            start = (plane * around.shape[1] + row + reach) * pitch + reach
            into = (plane * height + row) * width
            for first in range(0, width, _LANES):
                column = min(first, width - _LANES)
                place, to = start + column, into + column
                store(made, to, load(samples, place, _LANES))
                middle = _across(samples, place)
                store(made, to + by_phase, _rounded(middle, _TAP_BITS))
                down = _sum_of_taps(
                    wide(load(samples, place - pitch, _LANES)),
                    wide(load(samples, place, _LANES)),
                    wide(load(samples, place + pitch, _LANES)),
                    wide(load(samples, place + 2 * pitch, _LANES)),
                )
                store(made, to + 2 * by_phase, _rounded(down, _TAP_BITS))
                both = _sum_of_taps(
                    _across(samples, place - pitch),
                    middle,
                    _across(samples, place + pitch),
                    _across(samples, place + 2 * pitch),
                )
                store(made, to + 3 * by_phase, _rounded(both, 2 * _TAP_BITS))


@kernel("void(int16[:, :, ::1], int64, uint8[:, ::1])")
def grey(picture, white, out):
    """``luma_of`` of (3, H, W); white: what the sum of three samples is of a grey level."""
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            total = (
                np.int32(picture[0, row, column])
                + np.int32(picture[1, row, column])
                + np.int32(picture[2, row, column])
            )
            out[row, column] = np.uint32(total) // np.uint32(white)
