"""Motion search by matching blocks, for versions that move pictures: a vector is worth what pixels
match there, which optical flow, smooth as it is, only comes near.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from bitstream.v1.merged_blocks import merge_grid
from bitstream.v2.loop_networks import MIDDLE
from bitstream.v2.moved_pictures import FRACTION_BITS, Picture

Luma = npt.NDArray[np.uint8]
Cost = npt.NDArray[np.float32]
_REACH = 10  # px of the halved picture, around the start
_STEPS = (2.0, 1.0, 0.5)  # px, of rounds around the best so far
_AROUND = tuple((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x)
_GREY = 3 * 2 * MIDDLE // 255  # of the three samples of a pixel, a grey level
_BIT = 4.0  # grey levels, summed over a block, that a bit of a vector is worth


def luma_of(picture: Picture) -> Luma:
    """Grey levels (H, W), of a picture as the loop sees it."""
    luma: Luma = (picture.sum(0, dtype=np.int32) // _GREY).astype(np.uint8)
    return luma


def matched_squares(
    current: Luma,
    reference: Luma,
    vectors: npt.NDArray[np.int64],
    sides: tuple[int, ...],
) -> list[npt.NDArray[np.int64]]:
    """Fields (bh, bw, 2) of which all blocks of a square move alike, for squares of each side in
    blocks, small ones first: every square takes that vector of its four quarters that suits all of
    it best.

    vectors (bh, bw, 2): of single blocks, in parts of a pixel as the format has them.
    """
    height, width = vectors.shape[:2]
    block, fields = current.shape[0] // height, []
    rows, columns = np.indices((height, width))
    field = vectors
    for side in sides:
        grid = merge_grid(height, width, side)
        top, left, half = rows // side * side, columns // side * side, side // 2
        best = np.full(len(grid.leaders), np.inf)
        chosen = np.empty_like(field)
        for down, across in ((0, 0), (0, half), (half, 0), (half, half)):
            inside = np.minimum(top + down, height - 1), np.minimum(left + across, width - 1)
            trial = field[inside]
            shift = np.ldexp(trial.astype(np.float32), -FRACTION_BITS)
            sums = _sums(current, _moved(reference, shift, block), block)
            total = np.bincount(grid.square_of, sums.reshape(-1), len(grid.leaders))
            better = (total < best)[grid.square_of].reshape(height, width)
            best = np.minimum(best, total)
            chosen[better] = trial[better]
        fields.append(chosen)
        field = chosen
    return fields


class BlockMatcher:
    """Finds the vectors of blocks of ``block`` px a side by sums of absolute differences.

    A vector counts what it takes beyond the flow's, so that flat blocks move as what is around
    them.
    """

    def __init__(self, block: int) -> None:
        self._block = block

    def __call__(
        self, current: Luma, reference: Luma, flow: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Padded luma of two frames and a field (bh, bw, 2) px to start from → another."""
        pan = np.rint(np.median(flow.reshape(-1, 2), axis=0)).astype(int)
        vectors = flow.copy()
        cost = self._cost(current, reference, vectors, flow)
        for start in {(0, 0), (int(pan[0]), int(pan[1]))}:
            coarse = self._coarse(current, reference, start)
            self._take(current, reference, coarse, flow, vectors, cost)
        for size in _STEPS:
            centre = vectors.copy()
            for y, x in _AROUND:
                shift = np.array((y * size, x * size), dtype=np.float32)
                self._take(current, reference, centre + shift, flow, vectors, cost)
        return vectors

    def _take(
        self,
        current: Luma,
        reference: Luma,
        field: npt.NDArray[np.float32],
        flow: npt.NDArray[np.float32],
        vectors: npt.NDArray[np.float32],
        cost: npt.NDArray[np.float32],
    ) -> None:
        """Change ``vectors`` and ``cost`` where a field is better."""
        trial = self._cost(current, reference, field, flow)
        better = trial < cost
        vectors[better], cost[better] = field[better], trial[better]

    def _cost(
        self,
        current: Luma,
        reference: Luma,
        field: npt.NDArray[np.float32],
        flow: npt.NDArray[np.float32],
    ) -> npt.NDArray[np.float32]:
        bits = np.log2(1 + 2 * np.abs(field - flow)).sum(-1)
        moved = _moved(reference, field, self._block)
        cost: Cost = _sums(current, moved, self._block) + _BIT * bits
        return cost

    def _coarse(
        self, current: Luma, reference: Luma, start: tuple[int, int]
    ) -> npt.NDArray[np.float32]:
        """The best of all whole shifts of the halved picture around a start."""
        half = current.shape[1] // 2, current.shape[0] // 2
        small, before = (
            np.asarray(cv2.resize(one, half, interpolation=cv2.INTER_AREA), np.uint8)
            for one in (current, reference)
        )
        side, (height, width) = self._block // 2, small.shape
        reach = _REACH + max(abs(part) for part in start) // 2 + 1
        around = np.pad(before, reach, mode="edge")
        shifts = np.indices((2 * _REACH + 1, 2 * _REACH + 1)).reshape(2, -1).T - _REACH
        costs = np.empty((len(shifts), height // side, width // side), np.float32)
        for cost, (y, x) in zip(costs, shifts.tolist(), strict=True):
            top, left = reach + start[0] // 2 + y, reach + start[1] // 2 + x
            moved = around[top : top + height, left : left + width]
            np.add(_sums(small, moved, side), abs(y) + abs(x), out=cost)
        vectors = (2 * (np.array(start) // 2 + shifts)).astype(np.float32)
        best: npt.NDArray[np.float32] = vectors[costs.argmin(0)]
        return best


def _moved(reference: Luma, field: npt.NDArray[np.float32], block: int) -> Luma:
    """A picture whose blocks come from where a field (bh, bw, 2) in px points."""
    height, width = reference.shape
    shift = field.repeat(block, axis=0).repeat(block, axis=1)
    columns, rows = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    moved = cv2.remap(
        reference,
        columns + shift[..., 1],
        rows + shift[..., 0],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, np.uint8)


def _sums(luma: Luma, other: Luma, side: int) -> Cost:
    """Of the absolute differences in every block, (bh, bw)."""
    difference = cv2.absdiff(luma, other)
    total = cv2.boxFilter(difference, cv2.CV_32F, (side, side), anchor=(0, 0), normalize=False)
    return np.asarray(total, np.float32)[::side, ::side]
