"""The order in which blocks of a frame are coded: a dyadic lattice, so that nearly every block has
decoded neighbours around it.

Stage 0 takes the blocks whose row and column are multiples of 8.  Then, for s = 4, 2, 1: the
*diagonal* stage takes the blocks whose row and column are odd multiples of s, with four neighbours
at (±s, ±s); the *edge* stage the remaining multiples of s, with neighbours at (±s, 0) and (0, ±s).
Coding stays vectorised: a stage is one call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

COARSEST = 8
_BIG = np.int64(1) << 40
_Scalar = TypeVar("_Scalar", bound=np.generic)


class StageKind(IntEnum):
    """Where the decoded neighbours of a stage's blocks lie."""

    FIRST = 0
    DIAGONAL = 1
    EDGE = 2


@dataclass(frozen=True)
class Stage:
    """Blocks coded together: flat indices (n,) in raster order, and flat indices of four neighbours
    (4, n), -1 beyond the frame.
    """

    kind: StageKind
    blocks: np.ndarray
    neighbours: np.ndarray
    inside: np.ndarray = field(init=False)  # (4, n) bool: which neighbours exist
    _safe: np.ndarray = field(init=False)
    _beyond: np.ndarray | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inside", self.neighbours >= 0)
        object.__setattr__(self, "_safe", np.maximum(self.neighbours, 0))
        object.__setattr__(self, "_beyond", None if self.inside.all() else ~self.inside)
        for array in (self.blocks, self.neighbours, self.inside, self._safe):
            array.flags.writeable = False

    def select(self, mask: np.ndarray) -> Stage:
        """The stage with the blocks alone that ``mask`` (n,) bool has, for ``gather``: without
        ``neighbours`` and ``inside``.
        """
        part = object.__new__(Stage)
        beyond = None if self._beyond is None else self._beyond[:, mask]
        part.__dict__.update(
            kind=self.kind, blocks=self.blocks[mask], _safe=self._safe[:, mask], _beyond=beyond
        )
        return part

    def restricted(self, mask: np.ndarray) -> Stage | None:
        """The stage with the blocks alone that a flat mask of the grid has, for ``gather``; None
        without any.
        """
        selected = mask[self.blocks]
        count = np.count_nonzero(selected)
        if not count:
            return None
        return self if count == len(selected) else self.select(selected)

    def gather(self, plane: npt.NDArray[_Scalar], outside: int = 0) -> npt.NDArray[_Scalar]:
        """Values of the neighbours, (4, n, …), from a plane (bh, bw, …); ``outside`` beyond the
        frame.
        """
        values: npt.NDArray[_Scalar] = plane.reshape(-1, *plane.shape[2:])[self._safe]
        if self._beyond is not None:
            values[self._beyond] = outside
        return values


# Few entries: a grid of 1024×1024 blocks, the largest frames there are, takes 84 MB a layer.
@lru_cache(maxsize=4)
def stages(height: int, width: int, layers: int = 1) -> tuple[Stage, ...]:
    """All stages that have blocks, in coding order.

    They are shared between callers, so their arrays are read-only.

    With ``layers``, that many grids lie one below the other, as planes of (layers · height, width),
    and each stage holds its blocks of all of them, layer by layer; no block is a neighbour of one
    in another layer.
    """
    rows, columns = (a.ravel() for a in np.mgrid[:height, :width])
    corners = []

    def add(kind: StageKind, belongs: np.ndarray, offsets: list[tuple[int, int]]) -> None:
        blocks = np.flatnonzero(belongs)
        if not len(blocks):
            return
        neighbours = []
        for dy, dx in offsets:
            y, x = rows[blocks] + dy, columns[blocks] + dx
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            neighbours.append(np.where(inside, y * width + x, -1))
        places = np.stack(neighbours)
        starts = [layer * height * width for layer in range(layers)]
        corners.append(
            Stage(
                kind,
                np.concatenate([blocks + start for start in starts]),
                np.concatenate(
                    [np.where(places < 0, -1, places + start) for start in starts], axis=1
                ),
            )
        )

    # The first stage has no decoded neighbours; all four of its are "beyond the frame".
    beyond = max(height, width) + COARSEST
    add(StageKind.FIRST, (rows % COARSEST == 0) & (columns % COARSEST == 0), [(beyond, 0)] * 4)
    step = COARSEST // 2
    while step:
        odd_row, odd_column = rows % (2 * step) == step, columns % (2 * step) == step
        add(
            StageKind.DIAGONAL,
            odd_row & odd_column,
            [(-step, -step), (-step, step), (step, -step), (step, step)],
        )
        on_lattice = (rows % step == 0) & (columns % step == 0)
        add(
            StageKind.EDGE,
            on_lattice & (odd_row ^ odd_column),
            [(-step, 0), (step, 0), (0, -step), (0, step)],
        )
        step //= 2
    return tuple(corners)


def middle_and_extent(
    values: np.ndarray, available: np.ndarray, fallback: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Median-like predictor (n, 2) and extent (n,) of the available among four neighbours.

    values (4, n, 2) int64, available (4, n) bool, fallback (n, 2) where nothing is available.  The
    predictor is, per component, the middle one or the mean of the middle two, rounded down.  The
    extent is how far the neighbours lie apart in the component where it is more, -1 with one or
    none available.
    """
    if not np.count_nonzero(values):  # nothing moves around here, which is most of most pictures
        count = available.sum(0)
        return np.where(count[:, None] > 0, 0, fallback), np.where(count >= 2, 0, -1)
    if available.all():
        ordered = np.sort(values, axis=0)
        lowest, below, above, highest = ordered
        predictor, several = (below + above) >> 1, True
    else:
        count, columns = available.sum(0), np.arange(values.shape[1])
        ordered = np.where(available[..., None], values, _BIG)
        ordered.sort(axis=0)
        last = np.maximum(count - 1, 0)
        lowest, highest = ordered[0], ordered[last, columns]
        predictor = (ordered[last >> 1, columns] + ordered[np.minimum(count >> 1, 3), columns]) >> 1
        predictor = np.where(count[:, None] > 0, predictor, fallback)
        several = count >= 2
    return predictor, np.where(several, (highest - lowest).max(-1), -1)


def middle_and_spread(
    values: np.ndarray, available: np.ndarray, fallback: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """As above, with a spread class (n,) for the extent."""
    predictor, extent = middle_and_extent(values, available, fallback)
    return predictor, spread_class(extent)


def spread_class(extent: np.ndarray) -> np.ndarray:
    """Whether neighbours agree exactly (0), within 2 px (1) or not at all (2); with one or none
    available it is 1.
    """
    return np.where(extent < 0, 1, (extent > 0) + (extent > 2).astype(np.int64))
