"""Tiny denoisers of both kinds, and inputs for them."""

from __future__ import annotations

import torch
from diffusers import DDIMScheduler, UNetMotionModel

from videocodec.models.denoiser import Conditions
from videocodec.models.stock_denoiser import MotionDenoiser, StockDenoiser

from ...stock_models import (
    STABLE_DIFFUSION,
    conditioning,
    motion_adapter,
    unet,
)

ALPHAS = DDIMScheduler(**STABLE_DIFFUSION).alphas_cumprod
HEIGHT, WIDTH = 5, 7  # odd: no size that UNets were made for


def denoiser(
    channels: int = 4, inputs: int | None = None, temporal_weight: float = 1.0
) -> StockDenoiser:
    return StockDenoiser(
        unet(channels, inputs).eval(), conditioning(channels), ALPHAS, temporal_weight
    )


def motion_denoiser(channels: int = 4, inputs: int | None = None) -> MotionDenoiser:
    network = UNetMotionModel.from_unet2d(unet(channels, inputs), motion_adapter()).eval()
    return MotionDenoiser(network, conditioning(channels), ALPHAS)


def inputs_of(
    frames: int, channels: int = 4, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor, Conditions]:
    """Noisy latents, timesteps and conditions of so many frames; a quarter of each is to be
    generated.
    """
    generator = torch.Generator().manual_seed(seed)
    latents, before, after, noise = torch.randn(
        4, frames, channels, HEIGHT, WIDTH, generator=generator
    )
    generate = torch.zeros(frames, HEIGHT, WIDTH)
    generate[:, :3, :3] = 1
    noise = noise * generate[:, None]
    timesteps = torch.randint(50, 400, (frames,), generator=generator)
    alpha = ALPHAS[timesteps].reshape(-1, 1, 1, 1)
    sample = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
    return (
        sample,
        timesteps,
        Conditions(before, after, generate, torch.zeros(frames, HEIGHT, WIDTH), latents, noise),
    )


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """But for rounding."""
    return torch.allclose(a, b, atol=1e-4)
