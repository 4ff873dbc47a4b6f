"""Comparison of two planes along straight lines through blocks of a frame between them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..v1.motion_vectors import scaled
from ..v1.prediction import VECTOR_LIMIT

Vectors = npt.NDArray[np.int64]
Plane = npt.NDArray[np.int16]
Indices = npt.NDArray[np.intp]

_NEAR = 64  # samples that a plane goes on beyond its edges; what vectors see further off is rare
_SAMPLES_AT_ONCE = 1 << 16  # which stay in a core's cache


def to_future(vectors: Vectors, distances: tuple[int, int]) -> Vectors:
    """Vectors to the past → those to the future on the same line, within ±VECTOR_LIMIT."""
    return limited(scaled(vectors, distances[1], distances[0]))


def limited(vectors: Vectors) -> Vectors:
    """Likely vectors at the limit, a step further, are beyond it."""
    inside: Vectors = np.minimum(np.maximum(vectors, -VECTOR_LIMIT), VECTOR_LIMIT)
    return inside


class Matcher:
    """Compares two planes (h, w) along vectors, around every block.

    distances: of the planes from the frame between.  side: of a block in samples.  around: what is
    compared of a block, in rows and columns alike, relative to its first sample.  finer: by what
    the planes have more samples than ``side`` and ``around`` count.
    """

    def __init__(
        self,
        planes: tuple[Plane, ...],
        distances: tuple[int, int],
        side: int,
        around: npt.NDArray[np.int64],
        finer: int = 1,
    ) -> None:
        self._distances, self._size = distances, planes[0].shape
        # Differences of samples and sums of them are small integers, which float32 holds exactly.
        self._planes = [
            np.pad(plane, _NEAR, mode="edge").astype(np.float32).ravel() for plane in planes
        ]
        self.samples = len(around) ** 2
        self._down, self._across = (
            np.clip(np.arange(0, size // finer, side)[:, None] + around, 0, size // finer - 1)
            * finer
            for size in self._size
        )
        self._pitch = self._size[1] + 2 * _NEAR

    def cost(self, blocks: npt.NDArray[np.int64], vectors: Vectors) -> npt.NDArray[np.int64]:
        """Sums of absolute differences (n,), of blocks (n,), counted row by row, along vectors (n,
        2) to the past.
        """
        cost = np.empty(len(blocks), dtype=np.int64)
        ones, at_once = np.ones(self.samples, np.float32), _SAMPLES_AT_ONCE // self.samples
        along = vectors, to_future(vectors, self._distances)
        is_near = max(np.abs(one).max(initial=0) for one in along) <= _NEAR
        for first in range(0, len(blocks), at_once):
            part = slice(first, first + at_once)
            if is_near:  # the same places for both planes, and no vector leads out of them
                places = self._places(blocks[part])
                past, future = (
                    plane.take(places + self._offsets(towards[part]), mode="clip")
                    for plane, towards in zip(self._planes, along, strict=True)
                )
            else:
                past, future = (
                    plane.take(self._places(blocks[part], towards[part]))
                    for plane, towards in zip(self._planes, along, strict=True)
                )
            past -= future
            cost[part] = np.abs(past, out=past) @ ones
        return cost

    def _offsets(self, vectors: Vectors) -> Indices:
        """(n, 1)."""
        return vectors[:, :1] * self._pitch + vectors[:, 1:]

    def _places(self, blocks: npt.NDArray[np.int64], vectors: Vectors | None = None) -> Indices:
        """Where in a plane the samples (n, samples) of blocks lie, or those that they see along
        vectors of any length; beyond the edges a plane goes on.
        """
        rows = self._down[blocks // len(self._across)]
        columns = self._across[blocks % len(self._across)]
        if vectors is not None:
            rows = np.clip(rows + vectors[:, :1], 0, self._size[0] - 1)
            columns = np.clip(columns + vectors[:, 1:], 0, self._size[1] - 1)
        rows = (rows + _NEAR) * self._pitch
        return (rows[:, :, None] + (columns + _NEAR)[:, None]).reshape(-1, self.samples)


def best_within(
    planes: tuple[Plane, ...],
    distances: tuple[int, int],
    side: int,
    margin: int,
    reach: int,
    length_cost: int,
) -> Vectors:
    """The best (bh, bw, 2) of all vectors to the past within ±reach, for blocks and ``margin``
    samples around them; the first of equals, row by row.

    length_cost: of a sample away from no motion, for every sample compared.
    """
    size = planes[0].shape
    # Beyond the edges the differences go on, not the planes.
    rows, columns = (np.clip(np.arange(-margin, n + margin), 0, n - 1) for n in size)
    samples = (side + 2 * margin) ** 2
    best = np.zeros((size[0] // side, size[1] // side, 2), dtype=np.int64)
    least = np.full(best.shape[:2], np.iinfo(np.int32).max, dtype=np.int32)
    for down in range(-reach, reach + 1):
        to_past = np.array([(down, across) for across in range(-reach, reach + 1)])
        past, future = (
            plane.ravel().take(
                np.clip(rows + vectors[:, :1], 0, size[0] - 1)[:, :, None] * size[1]
                + np.clip(columns + vectors[:, 1:], 0, size[1] - 1)[:, None]
            )
            for plane, vectors in zip(planes, (to_past, to_future(to_past, distances)), strict=True)
        )
        difference = np.abs(past.astype(np.int32) - future)
        cost = _window_sums(_window_sums(difference, side, margin, 1), side, margin, 2)
        cost += length_cost * samples * np.abs(to_past).sum(1, dtype=np.int32)[:, None, None]
        first = cost.argmin(0)
        found = np.take_along_axis(cost, first[None], 0)[0]
        better = found < least
        best[better] = to_past[first[better]]
        least[better] = found[better]
    return best


def _window_sums(
    planes: npt.NDArray[np.int32], side: int, margin: int, axis: int
) -> npt.NDArray[np.int32]:
    """Sums along an axis over every block and so much on both sides of it."""
    last = planes.shape[axis] - 2 * margin - side  # first sample of the last block
    before = (slice(None),) * axis
    sums = planes[(*before, slice(0, last + 1, side))].copy()
    for by in range(1, side + 2 * margin):
        sums += planes[(*before, slice(by, by + last + 1, side))]
    return sums
