"""The restoration stage: between exact latents and the autoencoder, free to look at neighbours,
never fed back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import torch

from ..decoded import DecodedLatents, step_maps
from ..models.network_errors import network_errors


class AutoencoderInput(NamedTuple):
    """What the autoencoder makes pictures of, on its device: latents (B, C, h, w) float32 in latent
    units, and the quantiser step of every position, (B, h, w) float32 in scaled latents.
    """

    latents: torch.Tensor
    steps: torch.Tensor


class Restoration(ABC):
    """Improves decoded latents.

    Frames may be restored in batches and in any order: nothing restored is ever an input.
    """

    @property
    @abstractmethod
    def reach(self) -> int:
        """How many frames before and after a frame it looks at."""

    @abstractmethod
    def restore(self, window: list[DecodedLatents], first: int, count: int) -> np.ndarray:
        """Restore frames ``first``..``first + count - 1`` of ``window``, which also holds their
        neighbours within reach → (count, C, h, w) float32 in latent units.
        """

    def restore_on(
        self, device: torch.device, window: list[DecodedLatents], first: int, count: int
    ) -> AutoencoderInput:
        """The same on the autoencoder's device, in one copy.

        Restorations that work there leave it there.
        """
        steps = step_maps(window[first : first + count])
        packed = np.concatenate([self.restore(window, first, count), steps[:, None]], 1)
        with network_errors(f"to show {count} frames to the autoencoder", device):
            on_device = torch.from_numpy(packed).to(device)
        return AutoencoderInput(on_device[:, :-1], on_device[:, -1])


class IdentityRestoration(Restoration):
    """Leaves the latents as they were decoded: what ``--no-restore`` asks for, and all there is
    without a UNet.
    """

    reach = 0

    def restore(self, window: list[DecodedLatents], first: int, count: int) -> np.ndarray:
        """The latents themselves."""
        return np.stack([frame.latent.latents for frame in window[first : first + count]]).astype(
            np.float32
        )
