"""Motion that nobody sends: where the pictures of both references of a frame show the same thing,
the frame between them shows it on its way.

Every block looks for the straight line through it along which the two pictures differ least, from
coarse planes to fine ones.  Encoder and decoder find the same in integers.  Known as bilateral
matching: Chen, An, Huang, "Decoder-side motion vector refinement", JVET (2017), and from frame
rate conversion (Choi et al., 2007).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..sequence_header import PIXELS_PER_LATENT
from ..v1.motion_vectors import scaled
from ..v1.prediction import VECTOR_LIMIT
from .moved_pictures import Picture

Vectors = npt.NDArray[np.int64]
Plane = npt.NDArray[np.int32]

LEVELS = 4  # of planes, each half as large as the one before
REACH = 5  # px of the smallest planes, in both directions: 40 px of the picture
LENGTH_COST = 4  # of a pixel away from what is expected, for every sample compared
_MARGINS = (4, 4, 3, 3)  # samples around a block that are compared, by level
_APART = (2, 1, 1, 1)  # distance of samples that are compared, by level
_BLOCKS_AT_ONCE = 1 << 11  # whose samples stay in a core's cache
_STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def grey(picture: Picture) -> Plane:
    """Red, green and blue, 0..1020 → one plane, 0..1020."""
    red, green, blue = picture.astype(np.int32)
    plane: Plane = (red + 2 * green + blue) >> 2
    return plane


def halved(plane: Plane) -> Plane:
    """Means of 2×2 samples, halves up; both sides are even."""
    sums = plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]
    means: Plane = (sums + 2) >> 2
    return means


def doubled(plane: Plane) -> Plane:
    """Samples in rows and columns of even number, and between them what lies between, (2h, 2w);
    beyond the last ones they go on.
    """
    right = np.concatenate([plane[:, 1:], plane[:, -1:]], axis=1)
    below, below_right = (np.concatenate([each[1:], each[-1:]]) for each in (plane, right))
    fine = np.empty((2 * plane.shape[0], 2 * plane.shape[1]), dtype=np.int32)
    fine[::2, ::2] = plane
    fine[::2, 1::2] = (plane + right + 1) >> 1
    fine[1::2, ::2] = (plane + below + 1) >> 1
    fine[1::2, 1::2] = (plane + right + below + below_right + 2) >> 2
    return fine


class _Matcher:
    """Compares two planes along vectors, around every block.

    side: of a block in samples; margin, apart: see above; finer: by what the planes have more
    samples than ``side`` and ``margin`` count.
    """

    def __init__(
        self,
        planes: tuple[Plane, ...],
        distances: tuple[int, int],
        side: int,
        level: int,
        finer: int = 1,
    ) -> None:
        self._planes, self._distances = planes, distances
        self._size = planes[0].shape
        margin = _MARGINS[level]
        around = np.arange(-margin, side + margin, _APART[level])
        self.samples = len(around) ** 2
        self._places = tuple(
            np.clip(np.arange(0, size // finer, side)[:, None] + around, 0, size // finer - 1)
            * finer
            for size in self._size
        )

    def cost(self, blocks: npt.NDArray[np.int64], vectors: Vectors) -> npt.NDArray[np.int64]:
        """Sums of absolute differences (n,), of blocks (n,), counted row by row, along vectors (n,
        2) to the past.
        """
        cost = np.empty(len(blocks), dtype=np.int64)
        along = vectors, to_future(vectors, self._distances)
        for first in range(0, len(blocks), _BLOCKS_AT_ONCE):
            part = slice(first, first + _BLOCKS_AT_ONCE)
            past, future = (
                self._seen(plane, blocks[part], towards[part])
                for plane, towards in zip(self._planes, along, strict=True)
            )
            past -= future
            cost[part] = np.abs(past, out=past).sum((1, 2))
        return cost

    def _seen(self, plane: Plane, blocks: npt.NDArray[np.int64], vectors: Vectors) -> Plane:
        """Samples (n, s, s) that blocks see in a plane; beyond its edges it goes on."""
        height, width = self._size
        down, across = self._places
        rows, columns = down[blocks // len(across)], across[blocks % len(across)]
        rows = np.clip(rows + vectors[:, :1], 0, height - 1) * width
        columns = np.clip(columns + vectors[:, 1:], 0, width - 1)
        seen: Plane = plane.take(rows[:, :, None] + columns[:, None])
        return seen


def to_future(vectors: Vectors, distances: tuple[int, int]) -> Vectors:
    """Vectors to the past → those to the future on the same line, within ±VECTOR_LIMIT."""
    return _limited(scaled(vectors, distances[1], distances[0]))


def _limited(vectors: Vectors) -> Vectors:
    """Likely vectors at the limit, a step further, are beyond it."""
    limited: Vectors = np.minimum(np.maximum(vectors, -VECTOR_LIMIT), VECTOR_LIMIT)
    return limited


def derived_motion(
    pictures: tuple[Picture, Picture],
    distances: tuple[int, int],
    block: int,
    likely: Vectors,
) -> Vectors:
    """The vectors (2, bh, bw, 2) in halves of a pixel, to the past and to the future, of every
    block of a frame between two pictures (3, H, W).

    distances: display positions of the references, relative to the frame: past < 0 < future.
    block: latents a side of a block.  likely (bh, bw, 2): vectors to the past that are tried too.
    """
    side = block * PIXELS_PER_LATENT
    levels = [tuple(grey(picture) for picture in pictures)]
    for _ in range(LEVELS - 1):
        levels.append(tuple(halved(plane) for plane in levels[-1]))
    best = _searched(levels[-1], distances, side >> (LEVELS - 1))
    for level in reversed(range(LEVELS - 1)):
        matcher = _Matcher(levels[level], distances, side >> level, level)
        best = _refined(matcher, 2 * best, likely >> (level + 1), again=level > 0)
    fine = tuple(doubled(plane) for plane in levels[0])
    matcher = _Matcher(fine, distances, side, 0, finer=2)
    best = _limited(_chosen(matcher, 2 * best, _stepped(2 * best), LENGTH_COST // 2))
    return np.stack([best, to_future(best, distances)])


def _searched(planes: tuple[Plane, ...], distances: tuple[int, int], side: int) -> Vectors:
    """The best of all vectors within REACH, of the smallest planes; the first of equals."""
    past, future = planes
    height, width = past.shape
    margin = _MARGINS[-1]
    samples = (side + 2 * margin) ** 2
    best = np.zeros((height // side, width // side, 2), dtype=np.int64)
    least = np.full(best.shape[:2], np.iinfo(np.int64).max)
    for vector in np.ndindex(2 * REACH + 1, 2 * REACH + 1):
        to_past = np.array(vector) - REACH
        difference = np.abs(
            _shifted(past, to_past) - _shifted(future, to_future(to_past, distances))
        )
        cost = _window_sums(np.pad(difference, margin, mode="edge"), side, margin)
        cost += LENGTH_COST * samples * int(np.abs(to_past).sum())
        better = cost < least
        least = np.where(better, cost, least)
        best[better] = to_past
    return best


def _shifted(plane: Plane, vector: Vectors) -> Plane:
    """What is seen along a vector; beyond its edges the plane goes on."""
    rows, columns = (
        np.clip(np.arange(size) + by, 0, size - 1)
        for size, by in zip(plane.shape, vector, strict=True)
    )
    shifted: Plane = plane[rows[:, None], columns]
    return shifted


def _window_sums(plane: Plane, side: int, margin: int) -> npt.NDArray[np.int64]:
    """Sums over every block and so much around it."""
    sums = plane.astype(np.int64)
    for axis in (0, 1):
        before = np.zeros_like(sums.take([0], axis))
        total = np.concatenate([before, sums.cumsum(axis)], axis)
        first = np.arange(0, plane.shape[axis] - 2 * margin, side)
        sums = total.take(first + side + 2 * margin, axis) - total.take(first, axis)
    return sums


def _refined(matcher: _Matcher, expected: Vectors, likely: Vectors, again: bool) -> Vectors:
    """The best of what is expected here and in the blocks around, of no motion, of what is likely,
    and of what is a sample away from the best of those; ``again``: then of the neighbours' as well.
    """
    candidates = [*_neighbours(expected), np.zeros_like(expected), likely]
    best = _chosen(matcher, expected, candidates, LENGTH_COST)
    best = _chosen(matcher, best, _stepped(best), LENGTH_COST, expected)
    if again:
        best = _chosen(matcher, best, _neighbours(best), LENGTH_COST, expected)
    return best


def _chosen(
    matcher: _Matcher,
    first: Vectors,
    others: list[Vectors],
    length_cost: int,
    expected: Vectors | None = None,
) -> Vectors:
    """The cheapest of ``first`` and the others, the earlier of equals; expected: what vectors are
    measured from, ``first`` by default.
    """
    shape = first.shape
    start = (first if expected is None else expected).reshape(-1, 2)
    best = first.reshape(-1, 2).copy()

    def cost(blocks: npt.NDArray[np.int64], vectors: Vectors) -> npt.NDArray[np.int64]:
        length = np.abs(vectors - start[blocks]).sum(-1)
        sums = matcher.cost(blocks, vectors)
        sums += length_cost * matcher.samples * length
        return sums

    least = cost(np.arange(len(best)), best)
    for other in others:
        vectors = other.reshape(-1, 2)
        differs = np.flatnonzero((vectors != best).any(-1))
        found = cost(differs, vectors[differs])
        better = found < least[differs]
        changed = differs[better]
        best[changed], least[changed] = vectors[changed], found[better]
    chosen: Vectors = best.reshape(shape)
    return chosen


def _neighbours(vectors: Vectors) -> list[Vectors]:
    """Those above, below, left and right of every block; at the edges its own."""
    padded = np.pad(vectors, ((1, 1), (1, 1), (0, 0)), mode="edge")
    return [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]


def _stepped(vectors: Vectors) -> list[Vectors]:
    """A sample up, down, left and right."""
    return [vectors + np.array(step) for step in _STEPS]
