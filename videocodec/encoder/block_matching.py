"""Motion search by matching blocks, for versions that move pictures: a vector is worth what pixels
match there, which optical flow, smooth as it is, only comes near.
"""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from bitstream.v1.merged_blocks import merge_grid
from bitstream.v1.prediction import VECTOR_LIMIT
from bitstream.v2.loop_arithmetic import MIDDLE
from bitstream.v2.moved_pictures import FRACTION_BITS, Picture

from . import compiled
from .coarse_matching import FAR, Reach, best_shifts, halved
from .picture_squares import REACH, PictureSquares, Samples

Luma = npt.NDArray[np.uint8]
Cost = npt.NDArray[np.int64]
_ONE = 1 << FRACTION_BITS  # a pixel in the unit of vectors
_STEPS = (2 * _ONE, _ONE, 1)  # of rounds around the best so far
_AROUND = np.array([(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x])
_NEAR = 2  # px of a halved picture: a pan of so little is found from standing still too
_GOOD = 2  # grey levels a pixel: of so little nobody looks for anything better far away
_GREY = 3 * 2 * MIDDLE // 255  # of the three samples of a pixel, a grey level
_BIT = 4.0  # grey levels, summed over a block, that a bit of a vector is worth
_COST_BITS = 4  # fraction bits of costs, which are in grey levels
_CENTRE_BITS = 4  # fraction bits of where vectors cost nothing, in their unit


def _bits() -> npt.NDArray[np.int64]:
    """What components of vectors cost, by how far they are from where they cost nothing."""
    furthest = 4 * VECTOR_LIMIT << _CENTRE_BITS
    apart = np.arange(furthest + 1) / (1 << _CENTRE_BITS)
    return np.rint(_BIT * np.log2(1 + 2 / _ONE * apart) * (1 << _COST_BITS)).astype(np.int64)


_BITS = _bits()


def luma_of(picture: Picture) -> Luma:
    """Grey levels (H, W), of a picture as the loop sees it."""
    kernels = compiled.kernels()
    if kernels is not None:
        made = np.empty(picture.shape[1:], dtype=np.uint8)
        kernels.pictures.grey(np.require(picture, requirements=["C", "W"]), _GREY, made)
        return made
    luma: Luma = (picture.sum(0, dtype=np.int32) // _GREY).astype(np.uint8)
    return luma


class MatchedLuma:
    """A picture's luma (H, W), padded to whole blocks of ``block`` px a side, to match others with.

    What is made of it is made once.
    """

    def __init__(self, luma: Luma, block: int) -> None:
        self._luma, self._block = luma, block
        self.grid = luma.shape[0] // block, luma.shape[1] // block
        rows, columns = np.indices(self.grid).reshape(2, -1) * block
        self._corners, self.count = (rows, columns), rows.size

    @cached_property
    def halved(self) -> Luma:
        """At half its size."""
        return halved(self._luma)

    @cached_property
    def squares(self) -> PictureSquares:
        """What lies half way between its pixels too."""
        return PictureSquares(self._luma[None].astype(np.int16), self._block)

    @cached_property
    def samples(self) -> npt.NDArray[np.int16]:
        """Its own pixels, as far apart as those of ``squares``."""
        pad = self._block + REACH
        return np.pad(self._luma, pad, mode="edge").astype(np.int16).reshape(-1)

    @property
    def geometry(self) -> tuple[int, ...]:
        """Of ``squares``, as kernels take it."""
        by_phase, _, by_row, margin, *last = self.squares.geometry
        return self._block, by_phase, by_row, margin, *last

    @cached_property
    def _blocks(self) -> Samples:
        return self._at(np.zeros((*self.grid, 2), dtype=np.int64))

    def _at(self, vectors: npt.NDArray[np.int64]) -> Samples:
        """Samples (n, block²) of the blocks that are where vectors (…, bh, bw, 2) point."""
        flat = vectors.reshape(-1, 2)
        count = len(flat) // len(self._corners[0])
        rows, columns = (np.tile(corners, count) for corners in self._corners)
        samples: Samples = self.squares.at(rows, columns, flat).reshape(len(flat), -1)
        return samples

    def sums(self, reference: MatchedLuma, vectors: npt.NDArray[np.int64]) -> Cost:
        """Of the absolute differences of every block from where vectors (…, bh, bw, 2), in parts of
        a pixel as the format has them, point in another picture: (…, bh, bw).
        """
        kernels = compiled.kernels()
        if kernels is not None:
            found: Cost = np.empty((vectors.size // (2 * self.count), self.count), dtype=np.int64)
            kernels.matching.differences(
                self.samples,
                reference.squares.samples,
                reference.geometry,
                self.grid[1],
                np.ascontiguousarray(vectors).reshape(len(found), -1, 2),
                found,
            )
            return found.reshape(vectors.shape[:-1])
        moved = reference._at(vectors)
        blocks = np.tile(self._blocks, (len(moved) // len(self._blocks), 1))
        difference = cv2.absdiff(blocks, moved)
        total = np.asarray(cv2.reduce(difference, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32F))
        return total.astype(np.int64).reshape(vectors.shape[:-1])


def matched_squares(
    current: MatchedLuma,
    reference: MatchedLuma,
    vectors: npt.NDArray[np.int64],
    sides: tuple[int, ...],
) -> list[npt.NDArray[np.int64]]:
    """Fields (bh, bw, 2) of which all blocks of a square move alike, for squares of each side in
    blocks, small ones first: every square takes that vector of its four quarters that suits all of
    it best.

    vectors (bh, bw, 2): of single blocks, in parts of a pixel as the format has them.
    """
    height, width = vectors.shape[:2]
    kernels = compiled.kernels()
    if kernels is not None:
        found = np.empty((len(sides), current.count, 2), dtype=np.int64)
        kernels.matching.squares(
            (current.samples, reference.squares.samples),
            reference.geometry,
            current.grid,
            np.ascontiguousarray(vectors).reshape(-1, 2),
            np.array(sides),
            found,
        )
        return list(found.reshape(len(sides), height, width, 2))
    rows, columns = np.indices((height, width))
    field, fields = vectors, []
    for side in sides:
        grid = merge_grid(height, width, side)
        top, left, half = rows // side * side, columns // side * side, side // 2
        trials = np.stack(
            [
                field[np.minimum(top + down, height - 1), np.minimum(left + across, width - 1)]
                for down, across in ((0, 0), (0, half), (half, 0), (half, half))
            ]
        )
        costs = current.sums(reference, trials).reshape(len(trials), -1)
        totals = [np.bincount(grid.square_of, cost, len(grid.leaders)) for cost in costs]
        best = np.argmin(totals, axis=0)[grid.square_of].reshape(height, width)
        field = np.take_along_axis(trials, best[None, ..., None], axis=0)[0]
        fields.append(field)
    return fields


class BlockMatcher:
    """Finds the vectors of blocks of ``block`` px a side by sums of absolute differences.

    A vector counts what it takes beyond the flow's, so that flat blocks move as what is around
    them.
    """

    def __init__(self, block: int, reach: Reach = FAR) -> None:
        self._block, self._reach = block, reach

    def __call__(
        self, current: MatchedLuma, reference: MatchedLuma, flow: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.int64]:
        """Two frames and a field (bh, bw, 2) px to start from → another, in parts of a pixel as the
        format has them.
        """
        centre = np.rint(flow * np.float32(_ONE << _CENTRE_BITS)).astype(np.int64)
        pan = np.rint(np.median(flow.reshape(-1, 2), axis=0)).astype(np.int64) // 2
        far = self._reach.from_rest and np.abs(pan).max() > _NEAR
        starts = [np.zeros_like(pan), pan] if far else [pan]
        trials = [np.rint(flow * np.float32(_ONE)).astype(np.int64)]
        wanted = current.sums(reference, trials[0]) > _GOOD * self._block**2
        for start in starts:
            shifts = best_shifts(
                current.halved, reference.halved, start, self._block // 2, wanted, self._reach
            )
            trials.append(2 * _ONE * shifts)
        return self._best(current, reference, np.stack(trials), centre)

    def near(
        self, current: MatchedLuma, reference: MatchedLuma, flow: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.int64]:
        """The same where the flow is known to be near: nobody looks far away."""
        centre = np.rint(flow * np.float32(_ONE << _CENTRE_BITS)).astype(np.int64)
        trials = np.stack(
            [np.rint(flow * np.float32(_ONE)).astype(np.int64), np.zeros_like(centre)]
        )
        return self._best(current, reference, trials, centre)

    def _best(
        self,
        current: MatchedLuma,
        reference: MatchedLuma,
        fields: npt.NDArray[np.int64],
        centre: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.int64]:
        """Of fields (n, bh, bw, 2), and around the best of them; centre: where vectors cost
        nothing.
        """
        kernels = compiled.kernels()
        if kernels is not None:
            found: npt.NDArray[np.int64] = np.empty_like(centre)
            kernels.matching.matched(
                (current.samples, reference.squares.samples),
                (reference.geometry, current.grid[1]),
                fields.reshape(len(fields), -1, 2),
                centre.reshape(-1, 2),
                (_BITS, (_CENTRE_BITS, _COST_BITS)),
                (np.array(_STEPS), _AROUND),
                found.reshape(-1, 2),
            )
            return found
        best, cost = _cheapest(current, reference, fields, centre)
        for size in _STEPS:
            around = best + (size * _AROUND)[:, None, None]
            nearer, less = _cheapest(current, reference, around, centre)
            better = less < cost
            best, cost = np.where(better[..., None], nearer, best), np.where(better, less, cost)
        chosen: npt.NDArray[np.int64] = best
        return chosen


def _cheapest(
    current: MatchedLuma,
    reference: MatchedLuma,
    trials: npt.NDArray[np.int64],
    centre: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], Cost]:
    """The best vectors of some fields (n, bh, bw, 2) in every block, and what they cost; centre
    (bh, bw, 2): where they cost nothing.
    """
    apart = np.minimum(np.abs((trials << _CENTRE_BITS) - centre), len(_BITS) - 1)
    cost = (current.sums(reference, trials) << _COST_BITS) + _BITS[apart].sum(-1)
    chosen = cost.argmin(0)[None]
    best = np.take_along_axis(trials, chosen[..., None], axis=0)[0]
    return best, np.take_along_axis(cost, chosen, axis=0)[0]
