"""What an error in each latent channel does to the picture: weights for the encoder's
distortion.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent

from ..judges.lpips import LpipsSqueeze
from ..models.runtime import AutoencoderRuntime

QUANTISERS = (44, 60)
_NOISE = 0.4  # standard deviation in steps, a little more than that of quantisation


def measure_sensitivity(
    runtime: AutoencoderRuntime,
    pictures: np.ndarray,
    perceptual: LpipsSqueeze | None,
    seed: int = 0,
) -> np.ndarray:
    """Pictures (B, H, W, 3) uint8 with sides that are multiples of 8 → (C,) float32 weights with
    mean 1.

    Noise is added to one channel at a time of quantised latents, at a middle and at a coarse
    quantiser, and the decoded pictures compared: by squared error and, where ``perceptual`` is
    given, by LPIPS too, of which the geometric mean is taken.
    """
    height, width = pictures.shape[1:3]
    latents = np.concatenate([runtime.encode(picture[None], height, width) for picture in pictures])
    rng = np.random.default_rng(seed)
    weights = np.ones(latents.shape[1])
    for quantiser in QUANTISERS:
        step = step_latent(quantiser)
        quantised = np.rint(latents / step) * step
        noise = rng.normal(0, _NOISE * step, latents[:, 0].shape).astype(np.float32)
        plain = _decode(runtime, quantised, step, height, width)
        slopes = []
        for channel in range(latents.shape[1]):
            changed = quantised.copy()
            changed[:, channel] += noise
            decoded = _decode(runtime, changed, step, height, width)
            effects = [float(np.mean((decoded.astype(np.float64) - plain) ** 2))]
            if perceptual is not None:
                effects.append(_distance(perceptual, decoded, plain))
            slopes.append(effects)
        measured = np.array(slopes)
        weights *= (measured / measured.mean(0)).prod(1) ** (
            1 / measured.shape[1] / len(QUANTISERS)
        )
    relative: npt.NDArray[np.float32] = (weights / weights.mean()).astype(np.float32)
    return relative


def _decode(
    runtime: AutoencoderRuntime, latents: np.ndarray, step: float, height: int, width: int
) -> np.ndarray:
    steps = np.full((1, *latents.shape[2:]), step, dtype=np.float32)
    return np.concatenate(
        [runtime.decode(one[None] * UNITS_PER_LATENT, steps, height, width) for one in latents]
    )


@torch.inference_mode()
def _distance(perceptual: LpipsSqueeze, decoded: np.ndarray, plain: np.ndarray) -> float:
    a, b = (
        torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
        for pictures in (decoded, plain)
    )
    return float(perceptual(a, b).mean())
