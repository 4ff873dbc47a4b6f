"""The restoration stage: between exact latents and the autoencoder, free to look at neighbours, never fed back."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from .latents import DecodedLatents


class Restoration(ABC):
    """Improves decoded latents.  Frames may be restored in batches and in any order: nothing restored is ever an input."""

    @property
    @abstractmethod
    def reach(self) -> int:
        """How many frames before and after a frame it looks at."""

    @abstractmethod
    def restore(self, window: list[DecodedLatents], first: int, count: int) -> np.ndarray:
        """Restore frames ``first``..``first + count - 1`` of ``window``, which also holds their neighbours within reach →
        (count, C, h, w) float32 in latent units."""


class IdentityRestoration(Restoration):
    """Leaves the latents as they were decoded: what ``--no-restore`` asks for, and all there is without a UNet."""

    reach = 0

    def restore(self, window: list[DecodedLatents], first: int, count: int) -> np.ndarray:
        """The latents themselves."""
        return np.stack([frame.latent.latents for frame in window[first : first + count]]).astype(np.float32)
