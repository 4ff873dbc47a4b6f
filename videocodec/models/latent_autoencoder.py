"""The project's own autoencoders behind diffusers' autoencoder interface."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import BaseOutput

from ..networks.own_autoencoders import LatentAutoencoderConfig, SecondAutoencoderConfig
from ..networks.step_aware import StepAware


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


class StepAwareAutoencoder(StepAware, ModelMixin, ConfigMixin):
    """One of the project's own with diffusers' ``from_pretrained`` and ``save_pretrained``.

    Subclasses make ``encoder`` and ``decoder``, and have ``latent_channels`` in their config.
    """

    encoded_output = EncodedLatents
    decoded_output = DecodedPictures


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
        self.encoder, self.decoder = LatentAutoencoderConfig(
            latent_channels,
            width,
            coarse_width,
            encoder_blocks,
            encoder_wide_blocks,
            decoder_blocks,
            decoder_fine_blocks,
            decoder_wide_blocks,
            expansion,
            scaling_factor,
        ).networks()


class SecondAutoencoder(StepAwareAutoencoder):
    """The second one, of format version 2: most of its work is at 1/16 resolution."""

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
        self.encoder, self.decoder = SecondAutoencoderConfig(
            latent_channels,
            fine_width,
            width,
            encoder_low_width,
            encoder_low_blocks,
            decoder_low_width,
            decoder_low_blocks,
            activation,
            scaling_factor,
        ).networks()


OWN_AUTOENCODERS = {kind.__name__: kind for kind in (LatentAutoencoder, SecondAutoencoder)}
