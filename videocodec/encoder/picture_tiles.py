"""Decoded pictures in tiles, small enough for what is remembered on the way to a gradient."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TypeVar

from bitstream.sequence_header import PIXELS_PER_LATENT

_Pictures = TypeVar("_Pictures")
_MARGIN = 4  # latents around a tile that its pixels are decoded from
# What is remembered decides how large a tile may be: for LPIPS, and for an autoencoder about so
# many times what its greediest layer takes.  The embedded one takes 1.1 GB for 96×96 latents, all
# in all, and 1.3 with their surroundings.
TILE_SIDES = 16, 96  # latents, least and largest
_TILE_BYTES, _LPIPS_BYTES_PER_LATENT, _LAYERS = 1.5e9, 1e5, 25


@dataclass(frozen=True)
class Tile:
    """Rows and columns of latents: those looked at, and those decoded for it."""

    inner: tuple[slice, slice]
    outer: tuple[slice, slice]

    def pixels(self) -> tuple[slice, slice]:
        """The inner ones' pixels, in the picture."""
        rows, columns = (
            slice(PIXELS_PER_LATENT * s.start, PIXELS_PER_LATENT * s.stop) for s in self.inner
        )
        return rows, columns

    def cut(self, decoded: _Pictures) -> _Pictures:
        """The inner pixels of what the outer latents are decoded to, an array or a tensor
        (…, H, W).
        """
        rows, columns = (
            slice(PIXELS_PER_LATENT * (i.start - o.start), PIXELS_PER_LATENT * (i.stop - o.start))
            for i, o in zip(self.inner, self.outer, strict=True)
        )
        inner: _Pictures = decoded[..., rows, columns]  # type: ignore[index]
        return inner


def largest_tile(bytes_per_latent: int) -> int:
    """Latents a side, for an autoencoder whose greediest layer takes so many bytes for each.

    Depends on nothing else: the bytes of a video do on it.
    """
    least, largest = TILE_SIDES
    return min(
        largest,
        max(
            least,
            int((_TILE_BYTES / (_LPIPS_BYTES_PER_LATENT + _LAYERS * bytes_per_latent)) ** 0.5),
        ),
    )


def _spans(size: int, largest: int) -> list[slice]:
    """Even parts of a side, none longer than that."""
    count = -(-size // largest)
    edges = [size * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


def tiles_of(height: int, width: int, largest: int, shared_from: int | None = None) -> list[Tile]:
    """Tiles of a frame of latents, of so many a side at most.

    shared_from: a longer side from which there are two at least, for two threads; None for none.
    """

    def around(span: slice, size: int) -> slice:
        return slice(max(0, span.start - _MARGIN), min(size, span.stop + _MARGIN))

    rows, columns = _spans(height, largest), _spans(width, largest)
    if len(rows) == len(columns) == 1 and max(height, width) >= (shared_from or math.inf):
        if height > width:
            rows = _spans(height, -(-height // 2))
        else:
            columns = _spans(width, -(-width // 2))
    return [Tile((r, c), (around(r, height), around(c, width))) for r in rows for c in columns]
