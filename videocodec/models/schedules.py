"""The noise schedule of Stable Diffusion, which this project's own networks share."""

from __future__ import annotations

from diffusers import DDIMScheduler

TIMESTEPS = 1000
BETA_START, BETA_END, BETA_SCHEDULE = 0.00085, 0.012, "scaled_linear"


def stable_diffusion_schedule() -> DDIMScheduler:
    """Rombach et al., "High-resolution image synthesis with latent diffusion models" (2022)."""
    return DDIMScheduler(TIMESTEPS, BETA_START, BETA_END, BETA_SCHEDULE)
