"""What diffusers' pipelines make of an autoencoder's latents before their UNet sees them, by the
autoencoder's config.json.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import UnknownModelError
from .strict_json import read_json

LARGEST_FACTOR = 1e6  # of numbers that latents are multiplied by


def diffusion_units(config_file: Path, latent_scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift (C,) float32 of scaled latents; ``latent_scale`` (C,): of the bundle.

    Raises ``UnknownModelError``.
    """
    config = read_json(config_file)
    try:
        factor, shift = (
            _number(config.get(name) or usual)
            for name, usual in (("scaling_factor", 1), ("shift_factor", 0))
        )
    except (ValueError, TypeError, OverflowError) as error:
        raise UnknownModelError(
            f"{config_file}: scaling_factor and shift_factor cannot be read ({error})"
        ) from error
    if not (0 < abs(factor) < LARGEST_FACTOR and abs(shift) < LARGEST_FACTOR):
        raise UnknownModelError(
            f"{config_file}: scaling_factor {factor:g} or shift_factor {shift:g} is out of range"
        )
    return (factor / latent_scale).astype(np.float32), (shift * latent_scale).astype(np.float32)


def _number(value: object) -> float:
    if isinstance(value, str | int | float):
        return float(value)
    raise TypeError(f"must be a number, is a {type(value).__name__}")
