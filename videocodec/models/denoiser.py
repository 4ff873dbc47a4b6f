"""What a restoration asks of a denoising network, the project's own or one of Stable
Diffusion's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from .temporal_unet import TemporalUNet


@dataclass(frozen=True)
class Conditions:
    """What is known of a batch of frames besides their noisy latents; all tensors on the denoiser's
    device.

    before, after (B, C, h, w): latents of the neighbours in time, moved to where this frame's
    content is, in the units that the network works in; generate (B, h, w): 1 where nothing was sent
    and the content is to be made up; log2_step (B, h, w): log2 of the quantiser step of every
    position, in scaled latents; latents (B, C, h, w): the frame's own as they were decoded; noise
    (B, C, h, w): of unit variance where noise was put on top of them, else 0; prompt (B, tokens,
    features): what words say of the frames, None without words.  The project's own network needs
    none of the last three.
    """

    before: torch.Tensor
    after: torch.Tensor
    generate: torch.Tensor
    log2_step: torch.Tensor
    latents: torch.Tensor | None = None
    noise: torch.Tensor | None = None
    prompt: torch.Tensor | None = None


@dataclass(frozen=True)
class SlidingWindow:
    """Clips that a denoiser sees as a whole: ``length`` frames, one beginning every ``stride``
    frames.
    """

    length: int
    stride: int


class Denoiser(ABC):
    """A network that predicts, from noisy latents at a timestep, whatever its scheduler's
    ``prediction_type`` says.

    window: None for a denoiser of single frames, which is shown the frame before and the one after;
    else what clips it wants, and a batch then is one clip, in the order of time, without ``before``
    and ``after``.  generation_noise: the deviation of the noise that it wants in blocks to be made
    up, relative to the timestep's.  prompt_width: features of a token of the prompts that it takes,
    0 if it takes none.
    """

    window: SlidingWindow | None = None
    generation_noise: float = 1.0
    prompt_width: int = 0

    @abstractmethod
    def predict(
        self, sample: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions
    ) -> torch.Tensor:
        """sample (B, C, h, w) as diffusers' schedulers scale it, timesteps (B,) int64 → model
        output (B, C, h, w).
        """

    @abstractmethod
    def to(self, device: torch.device) -> Denoiser:
        """Moved to a device; returns itself."""


class TemporalDenoiser(Denoiser):
    """The project's own UNet, trained with neighbours, mask and step as inputs."""

    def __init__(self, unet: TemporalUNet) -> None:
        self._unet, self.generation_noise = unet, unet.config.generation_noise

    def predict(
        self, sample: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions
    ) -> torch.Tensor:
        """Clean latents."""
        c = conditions
        clean: torch.Tensor = self._unet(
            sample, timesteps, c.before, c.after, c.generate, c.log2_step
        ).sample
        return clean

    def to(self, device: torch.device) -> TemporalDenoiser:
        """Moved, in ``channels_last``."""
        self._unet.to(device, memory_format=torch.channels_last)
        return self
