"""Pictures of which only what changed is made: the rest is the picture's before.

A position's pixels depend on latents and quantiser steps within the ``reach`` of the decoder's
network.  Where all of these are what they were in the last picture that was made, so are the
pixels.  A picture like the last one costs a copy; one that differs in some places costs those, with
as much around them as the network has to see.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..decoded import DecodedLatents, step_maps
from ..models.parts import Rectangle, affected_parts
from ..models.runtime import AutoencoderRuntime

# A part of a picture takes somewhat longer than its share, so most of one is no gain.
_WORTHWHILE = 0.75


class _Kept(NamedTuple):
    """What the last picture was made of, and it."""

    latents: np.ndarray
    quantiser_map: np.ndarray
    picture: np.ndarray


class PictureReuse:
    """Makes unrestored pictures one after another, in any order, with an autoencoder whose
    ``reach`` is known.

    positions, positions_made: of all pictures so far, and those that went through the network.
    Threads must take turns.
    """

    def __init__(self, runtime: AutoencoderRuntime, height: int, width: int) -> None:
        if runtime.reach is None:
            raise ValueError("the reach of the autoencoder must be known")
        self._runtime, self._reach = runtime, runtime.reach
        self._height, self._width = height, width
        self._kept: _Kept | None = None
        self.positions = self.positions_made = 0

    def picture(self, frame: DecodedLatents) -> np.ndarray:
        """(height, width, 3) uint8 with memory of its own: what the autoencoder makes of a frame,
        within rounding.
        """
        latents = frame.latent.latents
        height, width = latents.shape[1:]
        kept, parts = self._kept, self._parts(frame)
        made = sum(part.grown(self._reach, height, width).area for part in parts)
        self._kept = None  # while its picture may be half renewed
        if kept is None or made > _WORTHWHILE * height * width:
            made = height * width
            picture = self._runtime.decode(
                _floats(frame), step_maps([frame]), self._height, self._width
            )[0]
        else:
            picture = kept.picture
            for part in parts:
                self._renew(picture, frame, part)
        self.positions += height * width
        self.positions_made += made
        self._kept = _Kept(latents, frame.quantiser_map, picture)
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
        pixels = self._runtime.decode_part(
            _floats(frame), step_maps([frame]), part, self._height, self._width
        )[0]
        top, left = part.pixels(self._runtime.pixels_per_latent)[:2]
        picture[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels


def _floats(frame: DecodedLatents) -> np.ndarray:
    """Latents (1, C, h, w) float32: PyTorch takes no arrays that nobody may write to."""
    return frame.latent.latents.astype(np.float32)[None]
