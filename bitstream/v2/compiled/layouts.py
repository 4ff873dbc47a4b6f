"""Pictures as planes (h, w, channels) and back, and streams as dense layers see them."""

from __future__ import annotations

from ..loop_arithmetic import FRACTION_BITS, MIDDLE, PATCH, STRIDE
from .jit import kernel
from .vectors import greater, lesser, load, plus, shifted, store

_AT_ONCE = 16


@kernel("void(int16[::1], int64, int16[:, :, ::1])")
def squares(picture, side, out):
    """Squares of PATCH px, or of a multiple ``side`` of it, as channels, grey as 0: (3, H, W) in
    one row → (h, w, 3 · side²).
    """
    height, width, _ = out.shape
    pitch, flat, into = width * side, out.reshape(-1), 0
    for row in range(height):
        for column in range(width):
            for plane in range(3):
                start = (plane * height + row) * side * pitch + column * side
                for down in range(side):
                    for across in range(0, side, PATCH):
                        seen = load(picture, start + down * pitch + across, PATCH)
                        store(flat, into, plus(seen, -MIDDLE))
                        into += PATCH


@kernel("void(int32[::1], int32[::1], int16[:, :, ::1])")
def joined(linear, detail, out):
    """``PlaneArithmetic.to_picture`` of squares of STRIDE and of PATCH px, each (h, w, 3 · side²)
    in one row, filled up with zeros.
    """
    _, height, width = out.shape
    flat = out.reshape(-1)
    of_linear = len(linear) // (height * width // STRIDE**2)
    of_detail = len(detail) // (height * width // PATCH**2)
    for row in range(height):
        for column in range(0, width, PATCH):
            first = (row // STRIDE * (width // STRIDE) + column // STRIDE) * of_linear
            first += row % STRIDE * STRIDE + column % STRIDE
            second = (row // PATCH * (width // PATCH) + column // PATCH) * of_detail
            second += row % PATCH * PATCH
            for plane in range(3):
                total = plus(
                    load(linear, first + plane * STRIDE**2, PATCH),
                    load(detail, second + plane * PATCH**2, PATCH),
                )
                total = shifted(plus(total, 1 << (FRACTION_BITS - 1)), FRACTION_BITS)
                total = lesser(greater(plus(total, MIDDLE), 0), 2 * MIDDLE)
                store(flat, (plane * height + row) * width + column, total)


@kernel("void(int16[:, :, ::1], uint8[:, :, ::1])")
def rounded(picture, out):
    """``shown_pictures.rounded``: (3, H, W) → (H, W, 3)."""
    _, height, width = picture.shape
    for row in range(height):
        for column in range(width):
            for plane in range(3):
                out[row, column, plane] = (picture[plane, row, column] + 2) >> 2


@kernel("void(int16[::1], int64, int64, int16[::1])")
def coarse(stream, bits, limit, out):
    """``PlaneArithmetic.coarse`` of as many numbers as are a multiple of 16."""
    for place in range(0, len(stream), _AT_ONCE):
        made = plus(load(stream, place, _AT_ONCE), 1 << (bits - 1))
        store(out, place, lesser(greater(shifted(made, bits), -limit), limit))
