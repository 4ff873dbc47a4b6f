"""Pictures as planes (h, w, channels) and back, streams as dense layers see them: row by row."""

from __future__ import annotations

from ..loop_arithmetic import FRACTION_BITS, MIDDLE, PATCH, STRIDE
from .jit import kernel, part
from .vectors import greater, joined, lesser, limited, load, plus, shifted, store

_AT_ONCE = 16


@part
def squares_row(picture, row, sizes, out):
    """Squares of PATCH px, or of a multiple of it, as channels, grey as 0: (3, H, W) in one row →
    a row of (h, w, 3 · side²).  sizes: height and width of the plane, side.
    """
    height, width, side = sizes
    pitch, into = width * side, row * width * 3 * side * side
    for column in range(width):
        for plane in range(3):
            start = (plane * height + row) * side * pitch + column * side
            for down in range(side):
                for across in range(0, side, PATCH):
                    seen = load(picture, start + down * pitch + across, PATCH)
                    store(out, into, plus(seen, -MIDDLE))
                    into += PATCH


@part
def picture_row(linear, detail, row, sizes, out):
    """``PlaneArithmetic.to_picture`` of squares of STRIDE and of PATCH px, each (h, w, channels) in
    one row.  sizes: height and width of the picture, channels of both.
    """
    height, width, of_linear, of_detail = sizes
    for line in range(row * STRIDE, (row + 1) * STRIDE):
        first = row * (width // STRIDE) * of_linear + line % STRIDE * STRIDE
        second = line // PATCH * (width // PATCH) * of_detail + line % PATCH * PATCH
        for column in range(0, width, STRIDE):
            for plane in range(3):
                here = second + plane * PATCH**2
                detail_here = load(detail, here, PATCH)
                both = joined(detail_here, load(detail, here + of_detail, PATCH))
                total = plus(load(linear, first + plane * STRIDE**2, STRIDE), both)
                total = shifted(plus(total, 1 << (FRACTION_BITS - 1)), FRACTION_BITS)
                total = lesser(greater(plus(total, MIDDLE), 0), 2 * MIDDLE)
                store(out, (plane * height + line) * width + column, total)
            first += of_linear
            second += 2 * of_detail


@part
def seen_latents_row(latents, steps, row, sizes, out):
    """Latents (C, h, w) and steps (h, w), each in one row → a row of (h, w, channels).

    sizes: height, width, channels of the plane, and of latents.
    """
    height, width, channels, given = sizes
    for column in range(width):
        place = row * width + column
        into = place * channels
        for channel in range(given):
            out[into + channel] = latents[channel * height * width + place]
        out[into + given] = steps[place]
        for channel in range(given + 1, channels):
            out[into + channel] = 0


@part
def latents_row(linear, detail, row, sizes, limit, out):
    """``PlaneArithmetic.to_latents`` of both parts, (h, w, channels) in one row.  sizes: height,
    width, channels of these, and of latents.
    """
    height, width, channels, wanted = sizes
    for column in range(width):
        start = (row * width + column) * channels
        for channel in range(wanted):
            total = linear[start + channel] + detail[start + channel]
            total = (total + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS
            out[(channel * height + row) * width + column] = min(max(total, -limit), limit)


@part
def coarse_row(stream, first, count, bits, limit, out):
    """``PlaneArithmetic.coarse`` of as many numbers as are a multiple of 16."""
    for place in range(first, first + count, _AT_ONCE):
        made = plus(load(stream, place, _AT_ONCE), 1 << (bits - 1))
        store(out, place, limited(shifted(made, bits), limit))


@part
def padded_row(plane, row, height, count, channels, out):
    """A row of a plane with a position of zeros on each side, or of zeros alone above and below;
    count: numbers of a row.
    """
    start = row * (count + 2 * channels)
    end = start + count + 2 * channels
    if row == 0 or row > height:
        out[start:end] = 0
        return
    out[start : start + channels] = 0
    out[end - channels : end] = 0
    into, seen = start + channels, (row - 1) * count
    for place in range(0, count, _AT_ONCE):
        store(out, into + place, load(plane, seen + place, _AT_ONCE))


@part
def coarser_row(plane, row, sizes, out):
    """Squares of 2×2 as four times the channels; the last ones go on beyond the plane.  sizes: its
    height and width, and numbers of a position.
    """
    height, width, count = sizes
    into = row * ((width + 1) // 2) * 4 * count
    for column in range((width + 1) // 2):
        for square in range(4):
            line = min(2 * row + square // 2, height - 1)
            seen = (line * width + min(2 * column + square % 2, width - 1)) * count
            for place in range(0, count, _AT_ONCE):
                store(out, into + place, load(plane, seen + place, _AT_ONCE))
            into += count


@part
def finer_row(plane, row, width, count, out):
    """The other way round: a row of so many positions of what squares were made of."""
    into, across = row * width * count, (width + 1) // 2
    for column in range(width):
        seen = ((row // 2) * across + column // 2) * 4 + row % 2 * 2 + column % 2
        for place in range(0, count, _AT_ONCE):
            store(out, into + place, load(plane, seen * count + place, _AT_ONCE))
        into += count


@kernel("void(int16[:, :, ::1], uint8[:, :, ::1])")
def rounded(picture, out):
    """``shown_pictures.rounded``: (3, H, W) → (H, W, 3)."""
    _, height, width = picture.shape
    for row in range(height):
        for column in range(width):
            for plane in range(3):
                out[row, column, plane] = (picture[plane, row, column] + 2) >> 2
