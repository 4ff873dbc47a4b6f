"""How much an encoder network trusts its own latents, as weights of their errors.

A variational autoencoder (Kingma & Welling 2014) gives a mean and a variance for every latent.
Where the decoder shows an error little, training lets the variance grow, most of all in channels
that it hardly looks at; so precision, one over variance, says what an error counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import repeat
from typing import Protocol

import numpy as np
import numpy.typing as npt

# An error counts at most so many times what it does elsewhere, and at least one over it: a variance
# is the guess of a network.
MOST_CERTAIN = 4.0


def certainty(log_variance: npt.NDArray[np.floating], strength: float) -> npt.NDArray[np.float32]:
    """Natural logarithms of variances (…, C, h, w) → what errors count, the same shape, float32,
    in 1 / MOST_CERTAIN..MOST_CERTAIN: precision to the power of ``strength``, relative to its
    geometric mean in the picture.
    """
    precision = -np.asarray(log_variance, dtype=np.float64)
    relative = strength * (precision - precision.mean((-3, -2, -1), keepdims=True))
    most = math.log(MOST_CERTAIN)
    weights: npt.NDArray[np.float32] = np.exp(np.clip(relative, -most, most)).astype(np.float32)
    return weights


class DoubtingEncoder(Protocol):
    """As ``AutoencoderRuntime`` encodes."""

    def encode(self, pictures: np.ndarray, height: int, width: int) -> np.ndarray:
        """Scaled latents (B, C, h, w)."""

    def encode_with_variance(
        self, pictures: np.ndarray, height: int, width: int
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Beside them the logarithms of variances."""


def latents_with_certainty(
    network: DoubtingEncoder, strength: float, pictures: np.ndarray, size: tuple[int, int]
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Pictures (B, H, W, 3) uint8, padded to ``size`` (height, width) → of every picture scaled
    latents (C, h, w) and what their errors count; None for all alike, as without ``strength`` or
    of an autoencoder that gives no variance.
    """
    if strength <= 0:
        latents, doubt = network.encode(pictures, *size), None
    else:
        latents, doubt = network.encode_with_variance(pictures, *size)
    weights = repeat(None) if doubt is None else certainty(doubt, strength)
    return zip(latents, weights, strict=False)
