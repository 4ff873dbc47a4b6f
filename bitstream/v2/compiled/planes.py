"""Planes that derived motion compares, coarser and finer, as ``derived_motion`` makes them."""

from __future__ import annotations

from .atomics import at_16
from .jit import part
from .motion_words import HEIGHT, INPUT, MORE, OUTPUT, PLANE_ROWS, WIDTH
from .vectors import evens, load, odds, plus, shifted, store, times


@part
def grey_rows(one, strip):
    """Some rows of a plane of a picture (3, H, W), whose width is a multiple of 8."""
    height, width = one[HEIGHT], one[WIDTH]
    picture, out, spread = at_16(one[INPUT]), at_16(one[OUTPUT]), at_16(one[MORE])
    size, half = height * width, width // 2
    for row in range(strip * PLANE_ROWS, min((strip + 1) * PLANE_ROWS, height)):
        at, even, odd = row * width, row * half, (height + row) * half
        for column in range(0, width - 15, 16):
            first = _grey_of(picture, at + column, size)
            second = _grey_of(picture, at + column + 8, size)
            store(out, at + column, first)
            store(out, at + column + 8, second)
            store(spread, even + column // 2, evens(first, second))
            store(spread, odd + column // 2, odds(first, second))
        for column in range(width - width % 16, width, 8):
            store(out, at + column, _grey_of(picture, at + column, size))
            for beside in range(column, column + 8, 2):
                spread[even + beside // 2] = out[at + beside]
                spread[odd + beside // 2] = out[at + beside + 1]


@part
def _grey_of(picture, place, size):
    """Of eight pixels."""
    red_and_blue = plus(load(picture, place, 8), load(picture, place + 2 * size, 8))
    return shifted(plus(red_and_blue, times(load(picture, place + size, 8), 2)), 2)


@part
def halved_rows(one, strip):
    """Some rows of what is half as large, of both planes, one below the other."""
    width, inputs, out = one[WIDTH], at_16(one[INPUT]), at_16(one[OUTPUT])
    half = width // 2
    for row in range(strip * PLANE_ROWS, min((strip + 1) * PLANE_ROWS, one[HEIGHT])):
        above, place = 2 * row * width, 0
        while place + 8 <= half:
            at = above + 2 * place
            left = plus(load(inputs, at, 8), load(inputs, at + width, 8))
            right = plus(load(inputs, at + 8, 8), load(inputs, at + width + 8, 8))
            sums = plus(evens(left, right), odds(left, right))
            store(out, row * half + place, shifted(plus(sums, 2), 2))
            place += 8
        while place < half:
            at = above + 2 * place
            total = inputs[at] + inputs[at + 1] + inputs[at + width] + inputs[at + width + 1]
            out[row * half + place] = (total + 2) >> 2
            place += 1


@part
def doubled_rows(one, strip):
    """Some rows of a plane of which the doubled one is wanted, its samples that are 4 apart side by
    side: (4, 2h, w / 2).
    """
    height, width, past = one[HEIGHT], one[WIDTH], at_16(one[INPUT])
    out, half = at_16(one[OUTPUT]), width // 2
    phase = 2 * height * half
    for row in range(strip * PLANE_ROWS, min((strip + 1) * PLANE_ROWS, height)):
        here, under = row * width, min(row + 1, height - 1) * width
        first, place = 2 * row * half, 0
        while place + 9 <= half:
            _eight(past, out, (here + 2 * place, under + 2 * place), (first + place, half, phase))
            place += 8
        while place < half:
            for odd in range(2):
                column = 2 * place + odd
                at = here, under, column, min(column + 1, width - 1)
                _between(past, out, at, (first + place + 2 * odd * phase, half, phase))
            place += 1


@part
def _eight(past, out, at, into):
    """What lies at and between sixteen samples of a row and of the one below."""
    place, half, phase = into
    ones, others = load(past, at[0], 8), load(past, at[0] + 8, 8)
    more, right = load(past, at[0] + 2, 8), load(past, at[0] + 10, 8)
    even, odd, after = evens(ones, others), odds(ones, others), evens(more, right)
    ones, others = load(past, at[1], 8), load(past, at[1] + 8, 8)
    more, right = load(past, at[1] + 2, 8), load(past, at[1] + 10, 8)
    even_under, odd_under = evens(ones, others), odds(ones, others)
    after_under = evens(more, right)
    store(out, place, even)
    store(out, place + phase, shifted(plus(plus(even, odd), 1), 1))
    store(out, place + 2 * phase, odd)
    store(out, place + 3 * phase, shifted(plus(plus(odd, after), 1), 1))
    even_sums, odd_sums = plus(even, even_under), plus(odd, odd_under)
    after_sums, below = plus(after, after_under), place + half
    store(out, below, shifted(plus(even_sums, 1), 1))
    store(out, below + phase, shifted(plus(plus(even_sums, odd_sums), 2), 2))
    store(out, below + 2 * phase, shifted(plus(odd_sums, 1), 1))
    store(out, below + 3 * phase, shifted(plus(plus(odd_sums, after_sums), 2), 2))


@part
def _between(past, out, at, into):
    """The same of one sample (row, the row below, column, column on its right)."""
    place, half, phase = into
    here, there = past[at[0] + at[2]], past[at[0] + at[3]]
    under, across = past[at[1] + at[2]], past[at[1] + at[3]]
    out[place] = here
    out[place + phase] = (here + there + 1) >> 1
    out[place + half] = (here + under + 1) >> 1
    out[place + half + phase] = (here + there + under + across + 2) >> 2
