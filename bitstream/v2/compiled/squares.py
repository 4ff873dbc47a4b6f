"""Shown pictures as planes of squares of 2×2 px, and back."""

from __future__ import annotations

from .jit import kernel


@kernel("void(uint8[:, :, ::1], int16[:, ::1], int64, int64, int16[:, :, ::1])")
def squares_of(picture, steps, bits, grey, plane):
    """Samples, in 2^-bits of a grey level and less ``grey``, by colour and place; then what every
    4×4 squares share, of ``steps``; then zeros.  Sides of the picture are even.
    """
    height, width, channels = plane.shape
    for row in range(height):
        for column in range(width):
            for colour in range(3):
                for down in range(2):
                    for across in range(2):
                        sample = picture[2 * row + down, 2 * column + across, colour]
                        place = 4 * colour + 2 * down + across
                        plane[row, column, place] = (sample << bits) - grey
            plane[row, column, 12] = steps[row // 4, column // 4]
            for place in range(13, channels):
                plane[row, column, place] = 0


@kernel("void(int16[:, :, ::1], int64, int64, uint8[:, :, ::1])")
def of_squares(plane, bits, grey, picture):
    """The inverse, rounded, halves up, and limited."""
    height, width, _ = plane.shape
    half = 1 << (bits - 1)
    for row in range(height):
        for column in range(width):
            for colour in range(3):
                for down in range(2):
                    for across in range(2):
                        sample = plane[row, column, 4 * colour + 2 * down + across]
                        shown = (sample + grey + half) >> bits
                        picture[2 * row + down, 2 * column + across, colour] = min(
                            max(shown, 0), 255
                        )
