"""Planes that derived motion compares, coarser and finer, as ``derived_motion`` makes them."""

from __future__ import annotations

from .jit import kernel


@kernel("void(int16[:, :, ::1], int16[:, ::1])")
def grey(picture, out):
    """Of a picture (3, H, W)."""
    height, width = out.shape
    for row in range(height):
        for column in range(width):
            red_and_blue = picture[0, row, column] + picture[2, row, column]
            out[row, column] = (red_and_blue + 2 * picture[1, row, column]) >> 2


@kernel("void(int16[:, ::1], int16[:, ::1])")
def doubled(plane, out):
    """(h, w) → (2h, 2w)."""
    height, width = plane.shape
    for row in range(height):
        below = min(row + 1, height - 1)
        for column in range(width):
            right = min(column + 1, width - 1)
            here, there = plane[row, column], plane[row, right]
            under, across = plane[below, column], plane[below, right]
            out[2 * row, 2 * column] = here
            out[2 * row, 2 * column + 1] = (here + there + 1) >> 1
            out[2 * row + 1, 2 * column] = (here + under + 1) >> 1
            out[2 * row + 1, 2 * column + 1] = (here + there + under + across + 2) >> 2
