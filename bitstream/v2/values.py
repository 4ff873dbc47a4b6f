"""Values in sixteenths of the quantiser step, and latents."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..v1.quantiser import LATENT_LIMIT, STEP_FRACTION_BITS, clamp_latents, step_fixed
from . import compiled
from .context_network import VALUE_BITS

SHIFT = STEP_FRACTION_BITS + VALUE_BITS
_VALUES_AT_ONCE = 1 << 15


def to_residual(values: npt.NDArray[np.int64], quantiser: int) -> npt.NDArray[np.int64]:
    """Values in sixteenths of the step → 1/64 of a scaled latent, rounding half up."""
    return (values * step_fixed(quantiser) + (1 << (SHIFT - 1))) >> SHIFT


def renewed(
    predicted: npt.NDArray[np.int32], values: npt.NDArray[np.int64], quantiser: int
) -> npt.NDArray[np.int16]:
    """Predicted latents (C, h, w) and values in sixteenths of the step that are added to them → the
    latents, limited, in 1/64 of a scaled latent.
    """
    made = np.empty(predicted.shape, np.int16)
    kernels = compiled.kernels()
    if kernels is not None:
        predicted, values = (
            np.require(one, kind, ["C", "W"])
            for one, kind in ((predicted, np.int32), (values, np.int64))
        )
        kernels.add_values(predicted, values, step_fixed(quantiser), SHIFT, made)
        return made
    at_once = max(_VALUES_AT_ONCE // max(predicted[0].size, 1), 1)
    for first in range(0, len(made), at_once):  # which a core's cache holds
        some = slice(first, first + at_once)
        sums = to_residual(values[some], quantiser)
        sums += predicted[some]
        made[some] = np.clip(sums, -LATENT_LIMIT, LATENT_LIMIT, out=sums)
    return made


def to_values(latents: npt.NDArray[np.int32], quantiser: int) -> npt.NDArray[np.int64]:
    """Latents in 1/64 of a scaled latent → sixteenths of the step, rounded down."""
    # Exact: a quotient of integers below 2^27 and 2^23 that is no integer lies further from one
    # than float64 rounds.
    values = np.floor(latents * float(1 << SHIFT) / step_fixed(quantiser))
    return values.astype(np.int64)


def to_latents(values: npt.NDArray[np.int64], quantiser: int) -> npt.NDArray[np.int16]:
    """Values in sixteenths of the step → latents in 1/64 of a scaled latent."""
    return clamp_latents(to_residual(values, quantiser)).astype(np.int16)
