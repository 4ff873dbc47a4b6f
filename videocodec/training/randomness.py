"""Random numbers that follow from a seed and a place, so that a run that goes on draws what it
would have drawn without a pause, with any number of processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Randomness:
    """Generators for places in a training: a step, or a picture of a step's batch."""

    seed: int

    def numpy(self, *place: int) -> np.random.Generator:
        """NumPy's generator of a place; whole numbers of at least 0."""
        return np.random.default_rng([self.seed, *place])

    def torch(self, device: torch.device | str, *place: int) -> torch.Generator:
        """PyTorch's generator of a place, on a device."""
        state = np.random.SeedSequence([self.seed, *place]).generate_state(1, np.uint64)
        return torch.Generator(device).manual_seed(int(state[0]) >> 1)


def uniform(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Numbers in [0, 1), float32, in the shape and on the device of ``like``."""
    return torch.rand(like.shape, generator=generator, device=like.device)


def shift(generator: torch.Generator, below: int) -> tuple[int, int]:
    """Rows and columns, 0 to ``below`` - 1."""
    drawn = torch.randint(0, below, (2,), generator=generator, device=generator.device)
    return int(drawn[0]), int(drawn[1])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """A context in which PyTorch's global generator of the CPU starts at ``seed``, for the first
    weights of networks; afterwards it is as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
