"""Random integers that are the same on every machine.

They are the raw 64-bit integers of PCG64, which numpy keeps stable, unlike its distributions.
"""

from __future__ import annotations

import numpy as np


class RawIntegers:
    """Integers from the raw output of PCG64."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.PCG64(seed)

    def below(self, limit: int, *shape: int) -> np.ndarray:
        """int64 of ``shape`` in 0..limit - 1 (as even as a modulus of 2^32 values is)."""
        raw = self._generator.random_raw(int(np.prod(shape, dtype=np.int64)) or 1)[
            : int(np.prod(shape, dtype=np.int64))
        ]
        return ((raw >> np.uint64(32)) % np.uint64(limit)).astype(np.int64).reshape(shape)

    def one(self, limit: int) -> int:
        """One integer in 0..limit - 1."""
        return int(self.below(limit, 1)[0])

    def around(self, radius: int, *shape: int) -> np.ndarray:
        """int64 in -radius..radius."""
        return self.below(2 * radius + 1, *shape) - radius

    def peaked(self, *shape: int) -> np.ndarray:
        """int64, either sign, magnitude m with a probability of about 2^-(m + 1)."""
        raw = self.below(1 << 24, *shape) | 1 << 20
        # exact: powers of two
        magnitude = np.log2((raw & -raw).astype(np.float64)).astype(np.int64)
        return magnitude * (1 - 2 * self.below(2, *shape))
