"""What kernels say that modes cost is what NumPy says."""

from __future__ import annotations

import numpy as np
import pytest

from videocodec.encoder.block_costs import BlockCosts, ErrorWeights, FrameCosts
from videocodec.encoder.importance import USUAL_CLASS

from .numpy_only import both

CHANNELS, GRID = 5, (6, 7)


@pytest.mark.parametrize("coarser", [False, True])
@pytest.mark.parametrize("certain", [False, True])
def test_costs_of_modes_are_the_same(coarser: bool, certain: bool) -> None:
    rng = np.random.default_rng(3)
    latents = rng.normal(0, 4, (CHANNELS, *GRID)).astype(np.float32)
    prediction = rng.integers(-3000, 3000, latents.shape).astype(np.int32)
    errors = ErrorWeights(
        np.where(rng.random(GRID) < 0.5, USUAL_CLASS, 0),
        np.where(rng.random(GRID) < 0.5, 1.0, 2.0) if coarser else None,
        rng.random(latents.shape).astype(np.float32) + np.float32(0.1) if certain else None,
    )
    prices = BlockCosts(0.1, rng.random(CHANNELS).astype(np.float32) + np.float32(0.5))

    def told() -> list[np.ndarray]:
        costs = FrameCosts(prices, latents, 40, 1, errors)
        return [*costs.skip_and_residual(prediction), costs.intra(), costs.cheapest(prediction)]

    alone, compiled = both(told)
    for one, other in zip(alone, compiled, strict=True):
        assert one.shape == GRID and np.array_equal(one, other)
