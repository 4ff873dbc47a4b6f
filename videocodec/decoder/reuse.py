"""Pictures of which only what changed is made: the rest is the picture's before.

A position's pixels depend on latents and quantiser steps within the ``reach`` of the decoder's
network.  Where all of these are what they were in the last picture that was made, so are the
pixels.  A picture like the last one costs a copy; one that differs in some places costs those, with
as much around them as the network has to see.

No torch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..decoded import DecodedLatents
from ..models.parts import Rectangle, affected_parts
from ..models.picture_makers import PictureMaker

# A part of a picture takes somewhat longer than its share, so most of one is no gain.
_WORTHWHILE = 0.75


class _Kept(NamedTuple):
    """What the last picture was made of, and it, which nobody writes to."""

    latents: np.ndarray
    quantiser_map: np.ndarray
    picture: np.ndarray


class PictureReuse:
    """Makes unrestored pictures one after another, in any order, with a maker whose ``reach`` is
    known.

    positions, positions_made: of all pictures so far, and those that went through the network.
    Threads must take turns.
    """

    def __init__(self, maker: PictureMaker, height: int, width: int) -> None:
        if maker.reach is None:
            raise ValueError("the reach of the autoencoder must be known")
        self._maker, self._reach = maker, maker.reach
        self._height, self._width = height, width
        self._kept: _Kept | None = None
        self.positions = self.positions_made = 0

    def picture(self, frame: DecodedLatents, known: np.ndarray | None = None) -> np.ndarray:
        """(height, width, 3) uint8 with memory of its own: what the maker makes of a frame as a
        whole, within what it promises of parts.

        known: the same where somebody has made it already, not cropped; it must not change.
        """
        latents, quantisers = frame.latent.latents, frame.quantiser_map
        height, width = quantisers.shape
        kept, parts = self._kept, [] if known is not None else self._parts(frame)
        made = sum(part.grown(self._reach, height, width).area for part in parts)
        if known is not None:
            made, picture = 0, known[: self._height, : self._width]
        elif kept is None or made > _WORTHWHILE * height * width:
            made = height * width
            picture = self._maker.whole(latents, quantisers, self._height, self._width)
        else:
            picture = kept.picture.copy() if parts else kept.picture
            for part in parts:
                self._renew(picture, frame, part)
        self.positions += height * width
        self.positions_made += made
        self._kept = _Kept(latents, quantisers, picture)
        copied: np.ndarray = picture.copy()
        return copied

    def _parts(self, frame: DecodedLatents) -> list[Rectangle]:
        """What differs from the last picture."""
        if self._kept is None:
            return []
        changed: np.ndarray = (frame.latent.latents != self._kept.latents).any(0)
        changed |= frame.quantiser_map != self._kept.quantiser_map
        return affected_parts(changed, self._reach)

    def _renew(self, picture: np.ndarray, frame: DecodedLatents, part: Rectangle) -> None:
        size = self._height, self._width
        pixels = self._maker.part(frame.latent.latents, frame.quantiser_map, part, size)
        top, left = part.pixels()[:2]
        picture[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
