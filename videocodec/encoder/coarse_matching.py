"""All whole shifts of a halved picture, tried for every block: where motion is to be looked for."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from . import compiled

Luma = npt.NDArray[np.uint8]
_CELL = 4  # px a side, whose sums are made in the bytes of words
_WORD = 8  # bytes
_SPARE = 3  # shifts that a kernel tries beyond those that count
_SHIFT_BITS = 9  # which of all shifts it is


@dataclass(frozen=True)
class Reach:
    """How far from a start shifts are tried, px of the halved picture: rows up and down, and
    columns to both sides, 10 at most.  from_rest: whether standing still is a start beside a pan.
    """

    rows: int
    columns: int
    from_rest: bool = True


FAR = Reach(10, 10)
NEAR = Reach(5, 10, from_rest=False)
_EVEN_BYTES, _EVEN_PAIRS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)


def halved(luma: Luma) -> Luma:
    """Luma (H, W) at half its size; sides are even."""
    size = luma.shape[1] // 2, luma.shape[0] // 2
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


def best_shifts(
    current: Luma,
    reference: Luma,
    start: npt.NDArray[np.int64],
    side: int,
    wanted: npt.NDArray[np.bool_] | None = None,
    reach: Reach = FAR,
) -> npt.NDArray[np.int64]:
    """For blocks of ``side`` px, a multiple of 4, of a halved picture: which shift (dy, dx) within
    reach of a start (2,) has the least sum of absolute differences in another, (bh, bw, 2) px.
    A pixel further from the start costs a grey level.  wanted (bh, bw): the others stay at the
    start; None for all.
    """
    height, width = current.shape
    if wanted is None:
        wanted = np.ones((height // side, width // side), dtype=bool)
    kernels = compiled.kernels()
    if kernels is not None:
        limits = reach.rows, reach.columns
        more = max(limits) + np.abs(start).max()
        pad = (more, more), (more, more + _SPARE)
        around = np.pad(reference, pad, mode="edge").astype(np.int16)
        found = np.empty((height // side, width // side, 2), dtype=np.int64)
        first = (more - np.array(limits) + start).tolist()
        kernels.matching.coarse(
            current.astype(np.int16), around, side, limits, tuple(first), wanted, found
        )
        return found + start
    wide = -(-width // _WORD) * _WORD
    more = max(reach.rows, reach.columns) + int(np.abs(start).max())
    pad = (more, more), (more, more + wide - width)
    around, small = np.pad(reference, pad, mode="edge"), np.pad(current, ((0, 0), pad[1]))
    small = np.ascontiguousarray(small[:, more : more + wide])
    rows, columns = (np.arange(-far, far + 1) for far in (reach.rows, reach.columns))
    shifts = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)
    # Beside a sum stands which shift it is of, so that the least of both is the first of the best.
    beside = np.abs(shifts).sum(-1) << _SHIFT_BITS
    beside += np.arange(rows.size * columns.size).reshape(rows.size, -1)
    beside = beside.astype(np.int32)[..., None, None]
    differences = np.empty((columns.size, height, wide), np.uint8)
    least = np.full((height // side, width // side), np.iinfo(np.int32).max, dtype=np.int32)
    for y, added in zip(rows.tolist(), beside, strict=True):
        top = more + int(start[0]) + y
        for difference, x in zip(differences, columns.tolist(), strict=True):
            left = more + int(start[1]) + x
            cv2.absdiff(small, around[top : top + height, left : left + wide], difference)
        costs = _sums(differences, side)
        costs <<= _SHIFT_BITS
        costs += added
        np.minimum(least, costs.min(0)[:, : least.shape[1]], out=least)
    best: npt.NDArray[np.int64] = shifts.reshape(-1, 2)[least & ((1 << _SHIFT_BITS) - 1)]
    return np.where(wanted[..., None], best, 0) + start


def _sums(planes: Luma, side: int) -> npt.NDArray[np.int32]:
    """Of blocks of ``side`` samples of planes (n, H, W), W a multiple of 8: (n, H / side,
    W / side).
    """
    count, height, width = planes.shape
    words = planes.view(np.uint64).reshape(count, height // _CELL, _CELL, width // _WORD)
    pairs = words & _EVEN_BYTES
    pairs += (words >> np.uint64(8)) & _EVEN_BYTES
    rows = pairs[:, :, 0] + pairs[:, :, 1]
    rows += pairs[:, :, 2]
    rows += pairs[:, :, 3]
    fours = rows & _EVEN_PAIRS
    fours += (rows >> np.uint64(16)) & _EVEN_PAIRS
    cells = fours.view(np.int32)  # (n, H / 4, W / 4)
    group = side // _CELL
    if group == 1:
        return cells
    size = count, height // side, group, -1
    whole = cells[..., : width // side * group]
    sums: npt.NDArray[np.int32] = whole.reshape(*size[:3], -1, group).sum((2, 4), dtype=np.int32)
    return sums
