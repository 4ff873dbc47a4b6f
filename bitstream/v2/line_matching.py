"""Comparison of two planes along straight lines through blocks of a frame between them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..v1.motion_vectors import scaled, vectors_of
from ..v1.prediction import VECTOR_LIMIT

Vectors = npt.NDArray[np.int64]
Plane = npt.NDArray[np.int16]
Indices = npt.NDArray[np.intp]
Keys = npt.NDArray[np.int64]  # vectors as single integers

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
        self._planes, self._distances, self._size = planes, distances, planes[0].shape
        self.samples = len(around) ** 2
        self._down, self._across = (
            np.clip(np.arange(0, size // finer, side)[:, None] + around, 0, size // finer - 1)
            * finer
            for size in self._size
        )
        self._pitch = self._size[1] + 2 * _NEAR

    @cached_property
    def _padded(self) -> list[npt.NDArray[np.float32]]:
        """Both planes, in one row.  Differences of samples and sums of them are small integers,
        which float32 holds exactly.
        """
        return [
            np.pad(plane, _NEAR, mode="edge").astype(np.float32).ravel() for plane in self._planes
        ]

    @cached_property
    def _places(self) -> Indices:
        """Where in them the samples of every block lie, (blocks, samples)."""
        rows, columns = (self._down + _NEAR) * self._pitch, self._across + _NEAR
        places: Indices = (rows[:, None, :, None] + columns[:, None]).reshape(-1, self.samples)
        return places

    def cost(self, blocks: npt.NDArray[np.int64], vectors: Vectors) -> npt.NDArray[np.int64]:
        """Sums of absolute differences (n,), of blocks (n,), counted row by row, along vectors (n,
        2) to the past.
        """
        cost = np.empty(len(blocks), dtype=np.int64)
        ones, at_once = np.ones(self.samples, np.float32), _SAMPLES_AT_ONCE // self.samples
        along = vectors, to_future(vectors, self._distances)
        near = max(np.abs(one).max(initial=0) for one in along) <= _NEAR
        for first in range(0, len(blocks), at_once):
            part = slice(first, first + at_once)
            past, future = (
                plane.take(places, mode="clip")  # none is beyond, which is quicker
                for plane, places in zip(
                    self._padded, self._seen(blocks[part], along, part, near), strict=True
                )
            )
            past -= future
            cost[part] = np.abs(past, out=past) @ ones
        return cost

    def _seen(
        self, blocks: npt.NDArray[np.int64], along: tuple[Vectors, ...], part: slice, near: bool
    ) -> Iterator[Indices]:
        """Where in each plane the samples (n, samples) lie that blocks see along vectors; beyond
        the edges a plane goes on, as far as ``near`` ones lead.
        """
        if near:
            places = self._places.take(blocks, axis=0)
            for vectors in along:
                yield places + (vectors[part, :1] * self._pitch + vectors[part, 1:])
            return
        rows, columns = (
            self._down[blocks // len(self._across)],
            self._across[blocks % len(self._across)],
        )
        for vectors in along:
            down = np.clip(rows + vectors[part, :1], 0, self._size[0] - 1) + _NEAR
            across = np.clip(columns + vectors[part, 1:], 0, self._size[1] - 1) + _NEAR
            yield (down[:, :, None] * self._pitch + across[:, None]).reshape(-1, self.samples)


class Search:
    """The cheapest vectors to the past of all that are tried, of every block.

    expected (bh, bw): what vectors are measured from, as keys (``motion_vectors.keys_of``), and the
    first that is tried.  length_cost: of a sample away from that, for every sample compared.  asked
    (n,): the blocks, counted row by row, that are looked at.
    """

    def __init__(
        self, matcher: Matcher, expected: Keys, length_cost: int, asked: npt.NDArray[np.int64]
    ) -> None:
        self._matcher, self._length_cost = matcher, length_cost * matcher.samples
        self._asked = asked
        self._tried: list[Keys] = []
        # Keys that are expected, the best so far, and their cost; of blocks that nobody asks for
        # they stay what they are.
        self._state = np.empty((3, expected.size), dtype=np.int64)
        self._state[:2], self._state[2] = expected.ravel(), np.iinfo(np.int64).max
        self.best: Keys = self._state[1].reshape(expected.shape)
        self.look(expected)

    def look(self, *candidates: Keys, asked: npt.NDArray[np.int64] | None = None) -> None:
        """Try other vectors (bh, bw); the earlier of equals stays.  asked: some of the blocks."""
        blocks = self._asked if asked is None else asked
        expected, best, least = self._state
        for candidate in candidates:
            keys = candidate.ravel()
            chosen = keys[blocks]
            new = np.ones(len(blocks), dtype=bool)
            for tried in self._tried:  # costs what it cost before
                new &= chosen != tried[blocks]
            self._tried.append(keys)
            at, chosen = blocks[new], chosen[new]
            vectors = vectors_of(chosen)
            cost = self._matcher.cost(at, vectors)
            cost += self._length_cost * np.abs(vectors - vectors_of(expected[at])).sum(1)
            better = cost < least[at]
            changed = at[better]
            best[changed], least[changed] = chosen[better], cost[better]


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
