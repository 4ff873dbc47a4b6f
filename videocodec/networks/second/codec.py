"""Encoder, rate model and decoder of the second autoencoder as one, as they are trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn

from ...errors import UnknownModelError
from .autoencoder import ACTIVATIONS, SecondDecoder, SecondEncoder, SecondShape, WideBlock
from .rate import Rate

ACTIVATION = "activation"  # in the metadata of files of weights
LARGEST_DEAD_ZONE = 0.25  # met in training
_DEAD_ZONE = 0.1
_DIFFERENCES = "differences."  # in the names of tensors of difference networks
_DROPPED_SHARE = 0.15  # of training pictures that lack their last slices
_HIDDEN_UNITS = "rate.nets.0.mix.weight"  # a tensor that has a column for each
_LEAST_CHANNELS = 8  # that are always sent


class SecondCodec(nn.Module):
    """Pictures to pictures through quantised latents.  State dict: encoder., decoder., rate."""

    def __init__(self, shape: SecondShape | None = None) -> None:
        super().__init__()
        self.shape = shape or SecondShape()
        self.encoder, self.decoder = SecondEncoder(self.shape), SecondDecoder(self.shape)
        self.rate = Rate(self.shape.channels, self.shape.hidden)

    def forward(
        self, pictures: torch.Tensor, step: torch.Tensor, generator: torch.Generator | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures (B, 3, H, W) in [-1, 1] and quantiser steps (B,) → decoded pictures and bits per
        pixel (B,), float32.

        generator: of training's dead zones and dropped slices; without it pictures are coded as in
        use.
        """
        latents, bits = self.coded(pictures, step, generator)
        decoded = self.decoder(latents, torch.log2(step))
        return decoded.float(), bits / (pictures.shape[2] * pictures.shape[3])

    def coded(
        self, pictures: torch.Tensor, step: torch.Tensor, generator: torch.Generator | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantised latents (B, C, H/8, W/8) and their bits (B,); arguments as of ``forward``."""
        scaled = self.encoder(pictures).float() / step.reshape(-1, 1, 1, 1)
        dead_zone = torch.full_like(step, _DEAD_ZONE)
        sent = scaled.new_ones(scaled.shape[:2])
        if generator is not None:
            dead_zone = LARGEST_DEAD_ZONE * _uniform(step.shape, generator)
            sent = self.sent_slices(len(step), generator)
        is_training = generator is not None
        quantised, bits = self.rate(scaled, torch.log2(step), dead_zone, sent, is_training)
        return quantised * step.reshape(-1, 1, 1, 1), bits

    def sent_slices(self, batch: int, generator: torch.Generator) -> torch.Tensor:
        """(B, C) of 0 and 1: all channels, or now and then the first slices only."""
        ends = torch.tensor(self.rate.slices).cumsum(0)
        ends = ends[(ends >= _LEAST_CHANNELS) | (ends == ends[-1])].to(generator.device)
        choice = (_uniform((batch,), generator) * len(ends)).long()
        dropped = _uniform((batch,), generator) < _DROPPED_SHARE
        count = torch.where(dropped, ends[choice], ends[-1])
        return (
            torch.arange(int(self.shape.channels), device=count.device) < count[:, None]
        ).float()

    def load(self, file: Path) -> None:
        """Take over weights, of any float type, and the activation they were trained with, which
        the metadata of the file names.

        A rate model of other hidden units than the file's takes its size, or, where it has more,
        begins as one that does the same (``Rate.widened``).

        Raises ``UnknownModelError`` for other files.
        """
        wanted = self.shape.hidden
        self._rate_as_in(file)
        _take_over(self, file, "")
        if wanted > self.shape.hidden:
            self._use_rate(self.rate.widened(wanted))
        with safe_open(str(file), "pt") as opened:
            self.use_activation((opened.metadata() or {}).get(ACTIVATION, SecondShape.activation))

    def use_activation(self, name: str) -> None:
        """Of all wide blocks.  Raises ``UnknownModelError`` for one that does not exist."""
        if name not in ACTIVATIONS:
            raise UnknownModelError(
                f"the activation {name!r} is unknown: this version has {', '.join(ACTIVATIONS)}"
            )
        self.shape = replace(self.shape, activation=name)
        for module in self.modules():
            if isinstance(module, WideBlock):
                module.activation = ACTIVATIONS[name]

    def load_rate(self, file: Path) -> None:
        """Take over the rate model alone, hidden units and weights.  Raises as ``load`` does."""
        self._rate_as_in(file)
        _take_over(self.rate, file, "rate.")

    def _rate_as_in(self, file: Path) -> None:
        """A rate model of as many hidden units as that of a file; as it is for other files, which
        ``_take_over`` refuses.
        """
        try:
            with safe_open(str(file), "pt") as opened:
                hidden = opened.get_slice(_HIDDEN_UNITS).get_shape()[1]
        except (OSError, SafetensorError, IndexError):
            return
        if hidden != self.shape.hidden:
            self._use_rate(Rate(self.shape.channels, hidden))

    def _use_rate(self, rate: Rate) -> None:
        self.rate, self.shape = rate, replace(self.shape, hidden=rate.hidden)


def _take_over(module: nn.Module, file: Path, prefix: str) -> None:
    """Load the tensors of a file whose names begin with ``prefix``."""
    try:
        tensors = load_file(str(file)).items()
        found = {
            name.removeprefix(prefix): v.float() for name, v in tensors if name.startswith(prefix)
        }
        # Weights from before there were difference networks: these add nothing then.
        new = {n: v for n, v in module.state_dict().items() if _DIFFERENCES in n}
        module.load_state_dict(found if any(n in found for n in new) else new | found)
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UnknownModelError(
            f"{file}: no weights of the second autoencoder ({reason}): give the safetensors"
            " file of a training run"
        ) from error


def _uniform(shape: torch.Size | tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Numbers in [0, 1)."""
    return torch.rand(shape, generator=generator, device=generator.device)
