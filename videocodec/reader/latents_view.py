"""``VideoReader.latents``: decoded latents by number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .reader import VideoReader


class LatentsView:
    """``VideoReader.latents``: decoded latents by number, without a network and without PyTorch.

    ``[i]`` is (C, h, w) int16 in units of 1/64 of a scaled latent, the same integers on every
    machine; a slice (n, C, h, w).  Read-only.
    """

    def __init__(self, reader: VideoReader) -> None:
        self._reader = reader

    def __len__(self) -> int:
        return len(self._reader)

    def __getitem__(self, index: int | slice) -> np.ndarray:
        if not isinstance(index, slice):
            return self._reader.latent_frame(index).latent.latents
        metadata = self._reader.metadata
        numbers = range(len(self))[index]
        out = np.empty(
            (len(numbers), metadata.latent_channels, metadata.latent_height, metadata.latent_width),
            dtype=np.int16,
        )
        for place, number in enumerate(numbers):
            out[place] = self[number]
        return out

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[number] for number in range(len(self)))
