"""What the project's own autoencoders have in common: 8×8 pixels per latent position, and a decoder
that may be told the quantiser step, and then removes that step's noise better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn


@dataclass
class EncodedLatents:
    """latents (B, C, H/8, W/8)."""

    latents: torch.Tensor


@dataclass
class DecodedPictures:
    """sample (B, 3, H, W), RGB in about [-1, 1]."""

    sample: torch.Tensor


class LatentConfig(Protocol):
    """What a config says of latents; latent_channels: how many channels they have."""

    @property
    def latent_channels(self) -> int: ...


class StepAware(nn.Module):
    """An autoencoder whose ``encode`` and ``decode`` follow diffusers' ``AutoencoderTiny``.

    Subclasses make ``encoder`` and ``decoder``, have a ``config``, and name the classes of what
    they give.

    takes_steps: ``decode`` may be told the step.  has_scaled_latents: its loss set the scale of its
    latents, which is right as it is.  Autoencoders without these attributes are and do neither.
    """

    takes_steps = True
    has_scaled_latents = True
    encoded_output: Callable[..., Any] = EncodedLatents
    decoded_output: Callable[..., Any] = DecodedPictures
    config: LatentConfig
    encoder: nn.Module
    decoder: nn.Module

    @property
    def decoder_reach(self) -> int:
        """How many latent positions around one its 8×8 px depend on, in pictures that begin at an
        even position.  Other autoencoders do not say.
        """
        reach: int = self.decoder.reach  # type: ignore[assignment]  # nn.Module promises tensors
        return reach

    def encode(self, x: torch.Tensor, return_dict: bool = True) -> Any:
        """Pictures (B, 3, H, W), RGB in [-1, 1], H and W multiples of 8 → ``.latents`` (B, C, H/8,
        W/8).
        """
        if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] % 8 or x.shape[3] % 8:
            raise ValueError(
                "pictures must be (B, 3, H, W) with H and W multiples of 8, got shape"
                f" {tuple(x.shape)}"
            )
        latents = self.encoder(x)
        return type(self).encoded_output(latents=latents) if return_dict else (latents,)

    def decode(
        self, z: torch.Tensor, return_dict: bool = True, *, step: torch.Tensor | float | None = None
    ) -> Any:
        """Latents (B, C, h, w) → ``.sample`` (B, 3, 8h, 8w), RGB in about [-1, 1].

        ``step``: quantiser step in latents, one number, one per picture (B,) or a map (B, h, w);
        without it a fine step of 0.3 is assumed.
        """
        if z.ndim != 4 or z.shape[1] != self.config.latent_channels:
            raise ValueError(
                f"latents must be (B, {self.config.latent_channels}, h, w), got shape"
                f" {tuple(z.shape)}"
            )
        steps = torch.as_tensor(0.3 if step is None else step, dtype=torch.float32, device=z.device)
        if steps.shape not in ((), (z.shape[0],), (z.shape[0], *z.shape[2:])):
            raise ValueError(
                f"step must be a number, (B,) or (B, h, w) for latents {tuple(z.shape)}, got shape"
                f" {tuple(steps.shape)}"
            )
        if not (steps > 0).all():
            raise ValueError("step must be positive")
        steps = steps.expand(z.shape[0]) if steps.ndim < 3 else steps
        sample = self.decoder(z, torch.log2(steps))
        return type(self).decoded_output(sample=sample) if return_dict else (sample,)

    def forward(self, sample: torch.Tensor, return_dict: bool = True) -> Any:
        """Encode and decode without quantisation."""
        return self.decode(self.encoder(sample), return_dict=return_dict)
