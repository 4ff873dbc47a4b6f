"""Batches of crops, made ahead by threads, the same ones with any number of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import numpy as np
import torch

from ..randomness import Randomness
from .crops import Mixture, make_crop
from .pack import PackedPictures

_STREAM = 1 << 31  # of random numbers, apart from those of the steps


def make_batch(
    pictures: PackedPictures,
    batch: int,
    side: int,
    mixture: Mixture,
    randomness: Randomness,
    step: int,
) -> torch.Tensor:
    """The batch of a step, RGB uint8 (B, side, side, 3)."""
    crops = [
        make_crop(pictures, side, mixture, randomness.numpy(_STREAM, step, index))
        for index in range(batch)
    ]
    return torch.from_numpy(np.stack(crops))


def on_device(batch: torch.Tensor, device: torch.device) -> torch.Tensor:
    """uint8 (B, H, W, 3) → (B, 3, H, W) float32 in [-1, 1], channels last, which it is already."""
    if device.type == "cuda":
        batch = batch.pin_memory().to(device, non_blocking=True)
    return batch.permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1)


class Ahead:
    """What ``make`` gives for step after step, made by ``workers`` threads before it is asked for;
    without any when it is asked for.  OpenCV works outside Python's lock.
    """

    def __init__(self, make: Callable[[int], torch.Tensor], first: int, workers: int) -> None:
        self._make, self._next, self._workers = make, first, workers
        self._pool = ThreadPoolExecutor(workers) if workers else None
        self._waiting: deque[Future[torch.Tensor]] = deque()

    def take(self) -> torch.Tensor:
        """Of the next step."""
        if self._pool is None:
            self._next += 1
            return self._make(self._next - 1)
        while len(self._waiting) < 2 * self._workers:
            self._waiting.append(self._pool.submit(self._make, self._next))
            self._next += 1
        return self._waiting.popleft().result()

    def __enter__(self) -> Ahead:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
