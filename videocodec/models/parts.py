"""Parts of pictures that the decoder's network makes by themselves: rectangles of latent positions
and what of their surroundings the network has to see.

No torch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bitstream.sequence_header import PIXELS_PER_LATENT

# Positions: networks at half the resolution need even ones, and on shapes that vector instructions
# divide evenly sums come out in the same order as in a whole picture.
ALIGNMENT = 8

# Positions, with their surroundings, that go through the network at once: 4096×2048 px.  Larger
# pictures go through it in tiles.
MOST_AT_ONCE = 1 << 17
MOST_ON_ACCELERATORS = 1 << 19  # 8K, 2 GB in half precision
# Bytes that the decoders of the packaged models take for a position, activations and pictures
# together (measured: embedded 6430, second 7180), rounded up.
BYTES_AT_ONCE = 7500


class Rectangle(NamedTuple):
    """Latent positions, half open."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def area(self) -> int:
        """Positions in it."""
        return (self.bottom - self.top) * (self.right - self.left)

    def pixels(self) -> Rectangle:
        """The same in pixels, of which there are eight a side for every position."""
        return Rectangle(*(PIXELS_PER_LATENT * side for side in self))

    def grown(self, reach: int, height: int, width: int) -> Rectangle:
        """Grow it by ``reach`` positions and up to the next multiples of ``ALIGNMENT``, as far
        as there are in a picture of height × width positions.
        """
        return Rectangle(
            max(0, (self.top - reach) // ALIGNMENT * ALIGNMENT),
            max(0, (self.left - reach) // ALIGNMENT * ALIGNMENT),
            min(height, -(-(self.bottom + reach) // ALIGNMENT) * ALIGNMENT),
            min(width, -(-(self.right + reach) // ALIGNMENT) * ALIGNMENT),
        )


def affected_parts(changed: np.ndarray, reach: int) -> list[Rectangle]:
    """Where pictures differ: (h, w) bool, positions whose latents differ → rectangles that hold all
    positions within ``reach`` of these, apart from each other.  None differ: no rectangle.
    """
    height, width = changed.shape
    near = _spread(_spread(changed, reach).T, reach).T
    padded = np.pad(near, ((0, -height % ALIGNMENT), (0, -width % ALIGNMENT)))
    by_square = padded.reshape(len(padded) // ALIGNMENT, ALIGNMENT, -1, ALIGNMENT)
    squares = np.logical_or.reduce(by_square, (1, 3))
    return [
        Rectangle(
            ALIGNMENT * top,
            ALIGNMENT * left,
            min(ALIGNMENT * bottom, height),
            min(ALIGNMENT * right, width),
        )
        for top, left, bottom, right in _boxes(squares)
    ]


def _spread(mask: np.ndarray, reach: int) -> np.ndarray:
    """True up to ``reach`` rows above and below what is true, (h, w) bool."""
    sums = np.pad(np.cumsum(mask, 0), ((1, 0), (0, 0)))
    rows = np.arange(len(mask))
    found: np.ndarray = (
        sums[np.minimum(rows + reach + 1, len(mask))] > sums[np.maximum(rows - reach, 0)]
    )
    return found


def _boxes(squares: np.ndarray) -> list[Rectangle]:
    """Rectangles around all that is true, cut at rows and columns where nothing is."""
    for axis in (0, 1):
        line = np.logical_or.reduce(squares, 1 - axis)
        runs = _runs(line)
        if len(runs) != 1 or runs[0] != (0, squares.shape[axis]):
            return [
                Rectangle(box.top + first, box.left, box.bottom + first, box.right)
                if axis == 0
                else Rectangle(box.top, box.left + first, box.bottom, box.right + first)
                for first, stop in runs
                for box in _boxes(squares[first:stop] if axis == 0 else squares[:, first:stop])
            ]
    return [Rectangle(0, 0, *squares.shape)]


def _runs(line: np.ndarray) -> list[tuple[int, int]]:
    """Where a line (n,) bool is true without a gap: first, and the one after the last."""
    edges = np.flatnonzero(np.diff(np.pad(line.astype(np.int8), 1)))
    return [(int(first), int(stop)) for first, stop in edges.reshape(-1, 2)]


def tiles_of(part: Rectangle, reach: int, height: int, width: int, most: int) -> list[Rectangle]:
    """A part of a picture of height × width positions in as few rectangles of about one size as
    there can be if none of them has more than ``most`` positions with its surroundings.

    One tile is the whole part.  Where ``most`` is too small for any tile, they are as small as is
    of use.
    """
    best: list[Rectangle] = []
    rows_at_most = -(-(part.bottom - part.top) // ALIGNMENT)
    columns_at_most = -(-(part.right - part.left) // ALIGNMENT)
    for rows in range(1, rows_at_most + 1):
        for columns in range(1, columns_at_most + 1):
            if best and rows * columns >= len(best):
                break
            tiles = _grid(part, rows, columns)
            if max(tile.grown(reach, height, width).area for tile in tiles) <= most:
                best = tiles
                break
    return best or tiles_of(part, reach, height, width, max(2 * most, ALIGNMENT**2))


def _grid(part: Rectangle, rows: int, columns: int) -> list[Rectangle]:
    """A part in so many rows and columns of tiles, or fewer."""
    tall = _aligned(part.bottom - part.top, rows)
    wide = _aligned(part.right - part.left, columns)
    return [
        Rectangle(top, left, min(top + tall, part.bottom), min(left + wide, part.right))
        for top in range(part.top, part.bottom, tall)
        for left in range(part.left, part.right, wide)
    ]


def _aligned(length: int, count: int) -> int:
    """Side of ``count`` tiles that cover a length."""
    return -(-length // (count * ALIGNMENT)) * ALIGNMENT
