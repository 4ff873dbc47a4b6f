"""The quantiser: step sizes per quantiser index, and reconstruction of levels, in integer
arithmetic.

Latents are held as integers in units of 1/64 of the model's scaled latent.  The step doubles every
12 indices; the twelve mantissas below are normative (FORMAT.md, "Quantiser").
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

UNITS_PER_LATENT = 64
LATENT_LIMIT = 32767  # reconstructed latents are clamped to ±LATENT_LIMIT, so they fit int16
MAX_LEVEL = 16383  # levels outside ±MAX_LEVEL are an error in the stream
QUANTISER_COUNT = 128
STEP_FRACTION_BITS = 8
STEP_MANTISSAS = (1625, 1722, 1825, 1933, 2048, 2170, 2299, 2435, 2580, 2734, 2896, 3069)
CRF_OFFSET = 16  # quantiser index of --crf 0, whose step is a quarter latent


def step_fixed(quantiser: int) -> int:
    """Step of ``quantiser`` (0..127) in 1/256 of a latent unit, that is 1/16384 of a scaled
    latent.
    """
    if not 0 <= quantiser < QUANTISER_COUNT:
        raise ValueError(f"quantiser must be 0..{QUANTISER_COUNT - 1}, got {quantiser}")
    return STEP_MANTISSAS[quantiser % 12] << (quantiser // 12)


def step_latent(quantiser: int) -> float:
    """The same step in scaled latents, for encoders and networks (never for reconstruction)."""
    return step_fixed(quantiser) / (1 << STEP_FRACTION_BITS) / UNITS_PER_LATENT


def log2_step_eighths(quantiser: int) -> int:
    """log2 of the step in eighths, rounded down: the integer that the context networks see."""
    return (quantiser - CRF_OFFSET - 24) * 8 // 12


def dequantise(levels: npt.NDArray[np.integer], quantiser: int) -> npt.NDArray[np.int64]:
    """Levels (any shape, integer) → residual in latent units, int64: (level · step + half) >> 8,
    rounding half up.
    """
    return (
        levels.astype(np.int64) * step_fixed(quantiser) + (1 << (STEP_FRACTION_BITS - 1))
    ) >> STEP_FRACTION_BITS


def clamp_latents(values: npt.NDArray[np.integer | np.floating]) -> npt.NDArray[np.int32]:
    """Clamp reconstructed latents to the int16 range the format allows; returns int32."""
    limited: npt.NDArray[np.int32] = np.minimum(
        np.maximum(values, -LATENT_LIMIT), LATENT_LIMIT
    ).astype(np.int32)
    return limited
