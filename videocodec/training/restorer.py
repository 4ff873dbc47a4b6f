"""The temporal UNet with the autoencoder's decoder behind it, and the loss that it is trained with.

Loss: log of the squared error (that of 8×8 means and of the 8 px grid counted extra, as in training
the autoencoder) + w·log of LPIPS + f·log of the squared *change* of the error from one frame to the
next along the source's motion (DIS flow), which is flicker.  Logarithms, because what counts is by
how much a picture gets better: sums of errors are those of the busiest pictures, and networks
trained on them made calm ones worse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ..models.temporal_unet import TemporalUNet
from ..networks.autoencoder import Decoder
from .losses import (
    ENOUGH_LPIPS,
    ENOUGH_SQUARED_ERROR,
    GRID_WEIGHT,
    grey_level_error,
    grid_energy,
    squared_error,
    squared_error_with_blocks,
)
from .randomness import Randomness, shift, uniform
from .restoration_batches import Batch

Judge = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Weights:
    """Of the logarithms of LPIPS and of flicker in the loss, next to that of the squared error."""

    lpips: float = 1.5
    flicker: float = 0.1


class Restorer(nn.Module):
    """The UNet with the decoder after it; deviation: of the latents that the UNet sees as 1."""

    def __init__(self, unet: TemporalUNet, decoder: Decoder, deviation: float) -> None:
        super().__init__()
        self.unet, self.decoder, self.deviation = unet, decoder, deviation

    def forward(
        self, batch: Batch, generator: torch.Generator, train: bool, restore: bool = True
    ) -> torch.Tensor:
        """Decoded pictures (B, 3, H, W), about [-1, 1].

        train: shrink the error of some frames.  restore: run the UNet.
        """
        log2_step = torch.log2(batch.steps)
        latents = self._restored(batch, generator, train, log2_step) if restore else batch.latents
        scaled = (latents * self.deviation).contiguous(memory_format=torch.channels_last)
        pictures: torch.Tensor = self.decoder(scaled, log2_step)
        return pictures

    def _restored(
        self, batch: Batch, generator: torch.Generator, train: bool, log2_step: torch.Tensor
    ) -> torch.Tensor:
        latents, timesteps = batch.latents, batch.timesteps
        alphas = self.unet.alphas_cumprod
        ratio = ((1 - alphas) / alphas).sqrt()
        if train:
            shrink = uniform(timesteps, generator) < 0.25
            smaller = (timesteps * (0.2 + 0.8 * uniform(timesteps, generator))).long()
            smaller = torch.where(shrink, smaller, timesteps)
            factor = (ratio[smaller] / ratio[timesteps]).reshape(-1, 1, 1, 1)
            latents, timesteps = batch.source + factor * (latents - batch.source), smaller
        normal = torch.randn(latents.shape, generator=generator, device=latents.device)
        noise = self.unet.config.generation_noise * batch.generate[:, None] * normal
        latents = latents + ratio[timesteps].reshape(-1, 1, 1, 1) * noise
        sample = latents * alphas[timesteps].sqrt().reshape(-1, 1, 1, 1)
        restored: torch.Tensor = self.unet(
            sample, timesteps, batch.before, batch.after, batch.generate, log2_step
        ).sample
        return restored


def distortion(
    decoded: torch.Tensor,
    batch: Batch,
    perceptual: Judge,
    weights: Weights,
    generator: torch.Generator | None = None,
) -> tuple[torch.Tensor, ...]:
    """Per frame: loss; squared error in 8-bit grey levels; LPIPS; per pair: flicker, the squared
    change of the error.

    generator: of where LPIPS looks; without it, everywhere.
    """
    decoded = torch.where(batch.judged, decoded, batch.pictures)
    share = batch.judged.float().mean((1, 2, 3))
    error = grey_level_error(decoded, batch.pictures)
    dy, dx = shift(generator, 4) if generator is not None else (0, 0)
    lpips = perceptual(decoded[..., dy:, dx:], batch.pictures[..., dy:, dx:]) / share
    moved = F.grid_sample(error[::2], batch.flow, padding_mode="border", align_corners=True)
    flicker = squared_error(error[1::2] - moved) / share[::2]
    grid = grid_energy(error) / share if min(error.shape[2:]) >= 64 else 0
    squared = squared_error_with_blocks(error) / share + GRID_WEIGHT * grid
    changes = torch.log(flicker + ENOUGH_SQUARED_ERROR).repeat_interleave(2)
    loss = torch.log(squared + ENOUGH_SQUARED_ERROR)
    loss = loss + weights.lpips * torch.log(lpips + ENOUGH_LPIPS) + weights.flicker * changes
    return loss, squared_error(error) / share, lpips, flicker


@torch.no_grad()
def validate(
    model: Restorer,
    batches: list[tuple[int, Batch]],
    perceptual: Judge,
    weights: Weights,
    restore: bool = True,
) -> np.ndarray:
    """(ranges, 4): loss, PSNR, LPIPS, flicker as means over the frames of every range of crf."""
    rows: dict[int, list[list[float]]] = {}
    for number, (group, batch) in enumerate(batches):
        noise = Randomness(0).torch(batch.latents.device, number)
        decoded = model(batch, noise, False, restore).clamp(-1, 1)
        loss, mse, lpips, flicker = distortion(decoded, batch, perceptual, weights)
        psnr = 10 * torch.log10(255**2 / mse)
        rows.setdefault(group, []).append([float(v.mean()) for v in (loss, psnr, lpips, flicker)])
    return np.array([np.mean(rows[group], 0) for group in sorted(rows)])
