"""How an encoder chooses levels around the conditional mean."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bitstream.v1.quantiser import step_latent
from bitstream.v2.context_network import VALUE_BITS
from bitstream.v2.level_syntax import LevelChooser, PassContext

DEAD_ZONE = 0.1  # by how much less than 0.5 a distance is rounded up from, as in training


def rounding(
    scaled: npt.NDArray[np.floating], quantiser: int, dead_zone: float = DEAD_ZONE
) -> LevelChooser:
    """Rounds the distance of scaled latents (C, h, w) from what is expected, towards it."""
    values = scaled.astype(np.float64) / step_latent(quantiser)

    def choose(part: PassContext) -> npt.NDArray[np.int64]:
        own = slice(part.first, part.first + part.channels)
        rest = values[own, part.rows, part.columns].T - part.mean / (1 << VALUE_BITS)
        size = np.floor(np.abs(rest) + 0.5 - dead_zone)
        return (np.sign(rest) * size).astype(np.int64)

    return choose
