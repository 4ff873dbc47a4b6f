"""The project's own autoencoders as bare torch modules, built by the values of their config.json.

``models.latent_autoencoder`` has the same behind diffusers' interface.  Importing diffusers takes
two seconds, which nobody who only codes or decodes with them has to wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from torch import nn

from .autoencoder import Decoder, Encoder
from .second.autoencoder import ACTIVATIONS, SecondDecoder, SecondEncoder, SecondShape
from .step_aware import StepAware


@dataclass(frozen=True)
class LatentAutoencoderConfig:
    """config.json of a ``LatentAutoencoder``: features and blocks of its networks."""

    latent_channels: int = 16
    width: int = 48
    coarse_width: int = 96
    encoder_blocks: int = 2
    encoder_wide_blocks: int = 5
    decoder_blocks: int = 4
    decoder_fine_blocks: int = 4
    decoder_wide_blocks: int = 8
    expansion: int = 2
    scaling_factor: float = 1.0

    def networks(self) -> tuple[nn.Module, nn.Module]:
        """A new encoder and decoder."""
        sizes = self.latent_channels, self.width, self.coarse_width
        return (
            Encoder(*sizes, self.encoder_blocks, self.encoder_wide_blocks, self.expansion),
            Decoder(
                *sizes,
                self.decoder_blocks,
                self.decoder_fine_blocks,
                self.decoder_wide_blocks,
                self.expansion,
            ),
        )


@dataclass(frozen=True)
class SecondAutoencoderConfig:
    """config.json of a ``SecondAutoencoder``: as ``SecondShape``."""

    latent_channels: int = 48
    fine_width: int = 48
    width: int = 96
    encoder_low_width: int = 192
    encoder_low_blocks: int = 2
    decoder_low_width: int = 256
    decoder_low_blocks: int = 3
    activation: str = "relu"
    scaling_factor: float = 1.0

    def networks(self) -> tuple[nn.Module, nn.Module]:
        """A new encoder and decoder.  Raises ``ValueError`` for an activation nobody knows."""
        if self.activation not in ACTIVATIONS:
            raise ValueError(
                f"the activation {self.activation!r} is none of {', '.join(ACTIVATIONS)}"
            )
        shape = SecondShape(
            self.latent_channels,
            self.fine_width,
            self.width,
            self.encoder_low_width,
            self.encoder_low_blocks,
            self.decoder_low_width,
            self.decoder_low_blocks,
            self.activation,
        )
        return SecondEncoder(shape), SecondDecoder(shape)


CONFIGS: dict[str, type[LatentAutoencoderConfig] | type[SecondAutoencoderConfig]] = {
    "LatentAutoencoder": LatentAutoencoderConfig,
    "SecondAutoencoder": SecondAutoencoderConfig,
}


class OwnAutoencoder(StepAware):
    """One of them.  name: of its class, one of ``CONFIGS``; values: of its config.json, of which
    those that it does not know are left aside.
    """

    def __init__(self, name: str, values: Mapping[str, object]) -> None:
        super().__init__()
        kind = CONFIGS[name]
        known = {field.name for field in fields(kind)}
        chosen: dict[str, object] = {key: value for key, value in values.items() if key in known}
        config = kind(**chosen)  # type: ignore[arg-type]  # what is no number fails below
        self.config = config
        self.encoder, self.decoder = config.networks()
