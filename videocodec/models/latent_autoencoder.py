"""The project's own autoencoders behind diffusers' autoencoder interface."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import BaseOutput
from torch import nn

from ..networks.autoencoder import Decoder, Encoder
from ..networks.second.autoencoder import (
    ACTIVATIONS,
    SecondDecoder,
    SecondEncoder,
    SecondShape,
)


# diffusers' own outputs of autoencoders would import all its models, and SciPy with them: a quarter
# of what a process takes to start.
@dataclass
class EncodedLatents(BaseOutput):
    """latents (B, C, H/8, W/8), as of ``AutoencoderTinyOutput``."""

    latents: torch.Tensor


@dataclass
class DecodedPictures(BaseOutput):
    """sample (B, 3, H, W), RGB in about [-1, 1], as of ``DecoderOutput``."""

    sample: torch.Tensor


class StepAwareAutoencoder(ModelMixin, ConfigMixin):
    """What the project's own autoencoders have in common: 8×8 pixels per latent position, and a
    decoder that may be told the quantiser step, and then removes that step's noise better.

    ``encode`` and ``decode`` follow ``AutoencoderTiny``; ``from_pretrained`` and
    ``save_pretrained`` are diffusers' own.  Subclasses make ``encoder`` and ``decoder``, and have
    ``latent_channels`` in their config.

    takes_steps: ``decode`` may be told the step.  has_scaled_latents: its loss set the scale of its
    latents, which is right as it is.  Autoencoders without these attributes are and do neither.
    """

    takes_steps = True
    has_scaled_latents = True
    encoder: nn.Module
    decoder: nn.Module

    def encode(
        self, x: torch.Tensor, return_dict: bool = True
    ) -> EncodedLatents | tuple[torch.Tensor]:
        """Pictures (B, 3, H, W), RGB in [-1, 1], H and W multiples of 8 → ``.latents`` (B, C, H/8,
        W/8).
        """
        if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] % 8 or x.shape[3] % 8:
            raise ValueError(
                "pictures must be (B, 3, H, W) with H and W multiples of 8, got shape"
                f" {tuple(x.shape)}"
            )
        latents = self.encoder(x)
        return EncodedLatents(latents=latents) if return_dict else (latents,)

    def decode(
        self, z: torch.Tensor, return_dict: bool = True, *, step: torch.Tensor | float | None = None
    ) -> DecodedPictures | tuple[torch.Tensor]:
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
        return DecodedPictures(sample=sample) if return_dict else (sample,)

    def forward(
        self, sample: torch.Tensor, return_dict: bool = True
    ) -> DecodedPictures | tuple[torch.Tensor]:
        """Encode and decode without quantisation."""
        return self.decode(self.encoder(sample), return_dict=return_dict)


class LatentAutoencoder(StepAwareAutoencoder):
    """That of format version 1's model: a linear path beside the network."""

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 16,
        width: int = 48,
        coarse_width: int = 96,
        encoder_blocks: int = 2,
        encoder_wide_blocks: int = 5,
        decoder_blocks: int = 4,
        decoder_fine_blocks: int = 4,
        decoder_wide_blocks: int = 8,
        expansion: int = 2,
        scaling_factor: float = 1.0,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(
            latent_channels, width, coarse_width, encoder_blocks, encoder_wide_blocks, expansion
        )
        self.decoder = Decoder(
            latent_channels,
            width,
            coarse_width,
            decoder_blocks,
            decoder_fine_blocks,
            decoder_wide_blocks,
            expansion,
        )


class SecondAutoencoder(StepAwareAutoencoder):
    """The second one, of the draft of format version 2: most of its work is at 1/16 resolution."""

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 48,
        fine_width: int = 48,
        width: int = 96,
        encoder_low_width: int = 192,
        encoder_low_blocks: int = 2,
        decoder_low_width: int = 256,
        decoder_low_blocks: int = 3,
        activation: str = "relu",
        scaling_factor: float = 1.0,
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"the activation {activation!r} is none of {', '.join(ACTIVATIONS)}")
        shape = SecondShape(
            latent_channels,
            fine_width,
            width,
            encoder_low_width,
            encoder_low_blocks,
            decoder_low_width,
            decoder_low_blocks,
            activation,
        )
        self.encoder, self.decoder = SecondEncoder(shape), SecondDecoder(shape)


OWN_AUTOENCODERS = {kind.__name__: kind for kind in (LatentAutoencoder, SecondAutoencoder)}
