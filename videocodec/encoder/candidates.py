"""Candidates for the motion of a frame's blocks: vector fields, the prediction each gives, and what
it costs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.block_lattice import Stage
from bitstream.v1.frame_coder import predict_frame, to_positions
from bitstream.v1.merged_blocks import MERGE_SIDES, merge_grid
from bitstream.v1.prediction import VECTOR_LIMIT, MotionTables, ReferenceFrame, average

from .block_costs import BlockCosts, FrameCosts, RateEstimates

# (3, n) bits of each direction in the leading blocks of a stage: of the stage, which of its blocks
# lead, the directions (bh, bw), and where they are chosen.
DirectionBits = Callable[[Stage, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class MotionSource:
    """A reference of a frame, of the format's version, with vector fields (bh, bw, 2) to try beside
    zero, the search's own first.
    """

    reference: Any
    fields: Sequence[np.ndarray]


@dataclass(frozen=True, eq=False)
class Candidate:
    """One vector field (bh, bw, 2) to one reference, the prediction it gives, and the cost of every
    block (bh, bw).

    A prediction is what the search makes of it, in latent units: (C, h, w) where latents move, and
    (bh · bw, block², C), block by block, where pictures do.
    """

    vectors: np.ndarray
    prediction: np.ndarray
    cost: np.ndarray


class CandidateSearch(ABC):
    """Tries vector fields on one frame.

    costs: of its blocks; grid: rows and columns of these; rates, lagrangian: of the encoder.
    merge_sides: of squares that may move as one, in blocks, large ones first.
    merges_alike: a square is judged only by fields in which all its blocks move alike; flow is so
    smooth that others say enough.
    kernels: compiled ones (``compiled``) that do the same, None for none.
    """

    merge_sides: ClassVar[tuple[int, ...]] = MERGE_SIDES
    merges_alike: ClassVar[bool] = False
    kernels: Any | None = None

    def __init__(self, prices: BlockCosts, costs: FrameCosts, grid: tuple[int, int]) -> None:
        self._prices, self.costs, self.grid = prices, costs, grid

    @property
    def rates(self) -> RateEstimates:
        """Bits of syntax elements."""
        return self._prices.rates

    @property
    def lagrangian(self) -> float:
        """Bits against squared error."""
        return self._prices.lagrangian

    def vector_costs(self, difference: np.ndarray) -> np.ndarray:
        """λ · bits of vectors that differ so much (…, 2) from their predictors."""
        return self._prices.vectors(difference)

    def direction_prices(self, context: BlockContext, sides: np.ndarray) -> DirectionBits:
        """What the directions of a frame take in bits; sides (bh, bw): of its merged blocks."""
        return self._direction_bits

    def _direction_bits(
        self, stage: Stage, leading: np.ndarray, choice: np.ndarray, chosen: np.ndarray
    ) -> np.ndarray:
        follows_most, differs, stands_alone = self.rates.direction
        around, inside = stage.gather(choice)[:, leading], stage.inside[:, leading]
        votes = np.stack([((around == d) & inside).sum(0) for d in Direction])
        follows = (votes.argmax(0) == np.arange(3)[:, None]) & inside.any(0)
        agreed = votes.max(0) == inside.sum(0)
        return np.where(follows, follows_most, np.where(agreed, stands_alone, differs))

    def candidates(self, source: MotionSource, evened: bool) -> list[Candidate]:
        """The fields to try everywhere: zero, those given, and, if ``evened``, the first of them
        made the same all over every square of each side that may move as one.
        The same field twice is the same candidate twice, so that the
        lists of two references match.
        """
        fields = [np.zeros((*self.grid, 2), dtype=np.int64), *source.fields]
        if source.fields and evened:
            fields += self._evened(source)
        different: list[np.ndarray] = []
        number = []
        for field in fields:
            same = [np.array_equal(field, other) for other in different]
            number.append(same.index(True) if True in same else len(different))
            if not any(same):
                different.append(field)
        wanted = self._wanted(source, different)
        found = self.candidates_at(source.reference, list(zip(different, wanted, strict=True)))
        return [found[index] for index in number]

    def _wanted(
        self, source: MotionSource, fields: Sequence[np.ndarray]
    ) -> Sequence[npt.NDArray[np.bool_]]:
        """Where each of different fields, zero first, is worth a look, (bh, bw) each."""
        return [np.ones(self.grid, dtype=bool)] * len(fields)

    def _evened(self, source: MotionSource) -> list[np.ndarray]:
        """One field for each side of squares, small ones first."""
        return [_evened(source.fields[0], side) for side in reversed(self.merge_sides)]

    def blank(self) -> np.ndarray:
        """A prediction of nothing."""
        return np.zeros(self.costs.target.shape, dtype=np.int32)

    def take(self, prediction: np.ndarray, blocks: np.ndarray, other: np.ndarray) -> None:
        """Put blocks (bh, bw) bool of another prediction into one."""
        positions = to_positions(blocks, self.costs.block)
        prediction[:, positions] = other[:, positions]

    def averaged(self, past: np.ndarray, future: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The average of two predictions, and what every block costs with it (bh, bw)."""
        both = average(past, future)
        return both, self.costs.cheapest(both)

    def plane(self, prediction: np.ndarray) -> np.ndarray:
        """A prediction as (C, h, w) int32."""
        return prediction

    @abstractmethod
    def candidate(
        self, reference: Any, vectors: np.ndarray, where: np.ndarray | None = None
    ) -> Candidate:
        """A field (bh, bw, 2) to one reference of the format's version.  ``where`` (bh, bw) bool:
        other blocks are not looked at, and cost without limit.
        """

    def candidates_at(
        self, reference: Any, asked: Sequence[tuple[np.ndarray, np.ndarray]]
    ) -> list[Candidate]:
        """Of each field the blocks that are to be looked at."""
        return [self.candidate(reference, *one) for one in asked]


class LatentSearch(CandidateSearch):
    """Candidates move latents, by phase filters."""

    def __init__(
        self, tables: MotionTables, prices: BlockCosts, costs: FrameCosts, grid: tuple[int, int]
    ) -> None:
        super().__init__(prices, costs, grid)
        self._tables = tables

    def candidate(
        self, reference: ReferenceFrame, vectors: np.ndarray, where: np.ndarray | None = None
    ) -> Candidate:
        """As for any."""
        fields = BlockFields.blank(*self.grid, Mode.SKIP)
        fields.vectors[0] = np.clip(vectors, -VECTOR_LIMIT, VECTOR_LIMIT)
        prediction = predict_frame(self._tables, fields, (reference,), self.costs.block, where)
        cost = self.costs.cheapest(prediction)
        if where is not None:
            cost = np.where(where, cost, np.inf)
        return Candidate(fields.vectors[0], prediction, cost)


def _evened(vectors: np.ndarray, side: int) -> np.ndarray:
    """The median vector of every square of ``side`` blocks, in all its blocks (bh, bw, 2)."""
    height, width = vectors.shape[:2]
    grid = merge_grid(height, width, side)
    pad = ((0, grid.rows * side - height), (0, grid.columns * side - width), (0, 0))
    tiles = np.pad(vectors, pad, mode="edge").reshape(grid.rows, side, grid.columns, side, 2)
    median: npt.NDArray[np.int64] = np.floor(
        np.median(tiles.transpose(0, 2, 1, 3, 4).reshape(grid.rows, grid.columns, -1, 2), axis=2)
        + 0.5
    ).astype(np.int64)
    return median.repeat(side, 0).repeat(side, 1)[:height, :width]
