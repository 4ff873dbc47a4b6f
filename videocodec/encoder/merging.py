"""Merged blocks as an encoder chooses them: the partition of a frame, and what may move as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bitstream.v1.merged_blocks import MergeGrid, leaders, merge_grid
from bitstream.v1.prediction import VECTOR_LIMIT

from .candidates import Candidate, CandidateSearch

_LENGTHS = np.log2(1.0 + np.arange(4 * VECTOR_LIMIT))  # of what vectors differ by


class Partition:
    """Which blocks of a frame move as one, each square of them led by its upper left block.

    sides (bh, bw): of every block's square in blocks.  derived (bh, bw) bool: blocks whose motion
    is that of the references, with nothing to be chosen.  leader_of (bh · bw,): the flat index of
    every block's leader.  leads (bh · bw,) bool: blocks that lead; a single block leads itself.
    """

    def __init__(self, sides: np.ndarray, derived: np.ndarray | None = None) -> None:
        self.grid, self.sides = sides.shape, sides
        self.derived = np.zeros(sides.shape, dtype=bool) if derived is None else derived
        self.leader_of = leaders(sides)
        self.leads = (self.leader_of == np.arange(sides.size)) & ~self.derived.reshape(-1)

    def sums(self, cost: np.ndarray) -> np.ndarray:
        """Costs of blocks (bh, bw), summed over the blocks that move with a leader, in the leader's
        place → (bh, bw).
        """
        return np.bincount(self.leader_of, weights=cost.reshape(-1), minlength=cost.size).reshape(
            cost.shape
        )

    def shared(self, values: np.ndarray) -> np.ndarray:
        """Every block with what its leader has, (bh, bw) or (bh, bw, 2)."""
        shared: np.ndarray = values.reshape(-1, *values.shape[2:])[self.leader_of]
        return shared.reshape(values.shape)

    def spread(self, blocks: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Vectors (n, 2) of leading blocks, given to all blocks that they lead → (bh, bw, 2)."""
        field = np.zeros((*self.grid, 2), dtype=np.int64)
        field.reshape(-1, 2)[blocks] = vectors
        return self.shared(field)

    def led_by(self, blocks: np.ndarray) -> np.ndarray:
        """Blocks that some leading blocks lead, themselves included, (bh, bw) bool."""
        chosen = np.zeros(self.leads.size, dtype=bool)
        chosen[blocks] = True
        led: npt.NDArray[np.bool_] = chosen[self.leader_of].reshape(self.grid)
        return led


@dataclass(frozen=True)
class DerivedCosts:
    """What derived motion costs.

    blocks (bh, bw): what they cost that have it.  bits: by side of squares, (n, 2): what it takes
    to say of each that not all of its blocks have it, and that they have.
    """

    blocks: npt.NDArray[np.floating]
    bits: Mapping[int, npt.NDArray[np.floating]]

    def or_else(
        self, grid: MergeGrid, best: npt.NDArray[np.floating], lagrangian: float
    ) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.bool_]]:
        """The less of derived motion and of what squares (n,) cost without → costs (n,), and where
        it is the less.
        """
        bits = lagrangian * np.broadcast_to(self.bits[grid.side], (len(best), 2))
        asked = (grid.size > 1) | (grid.side == 1)
        derived = np.bincount(grid.square_of, weights=self.blocks.reshape(-1)) + bits[:, 1]
        best = best + np.where(asked, bits[:, 0], 0.0)
        is_less = asked & (derived < best)
        return np.where(is_less, derived, best), is_less


def merged_sides(
    search: CandidateSearch,
    candidates: Sequence[Sequence[Candidate]],
    derived: DerivedCosts | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The quadtree, from single blocks up: merged where one motion for all costs less than several
    → sides (bh, bw), and which blocks (bh, bw) have derived motion, where that costs least.

    ``candidates``: the candidates of each reference, the same fields in the same order;
    ``derived``: what derived motion costs, None where there is none.
    """
    if derived is None:
        nothing = {side: np.zeros(2) for side in (1, *search.merge_sides)}
        derived = DerivedCosts(np.full(search.grid, np.inf), nothing)
    costs, fields = _options(search, candidates)
    rates, lagrangian = search.rates, search.lagrangian
    says_direction = len(candidates) == 2 or search.merges_alike
    fixed = lagrangian * rates.any_direction if says_direction else 0.0
    sides = np.ones(search.grid, dtype=np.int64)
    finer = merge_grid(*search.grid, 1)
    best = _least(search, finer, costs, fields, fixed)
    best, is_derived = derived.or_else(finer, best, lagrangian)
    for side in reversed(search.merge_sides):
        grid = merge_grid(*search.grid, side)
        joint = _least(search, grid, costs, fields, fixed)
        apart = np.zeros(len(grid.leaders))
        np.add.at(apart, grid.square_of[finer.leaders], best)
        joint = joint + lagrangian * rates.merged[0]
        apart = apart + lagrangian * rates.merged[1]
        merged = (joint <= apart) & (grid.size > 1)
        best, all_derived = derived.or_else(grid, np.where(merged, joint, apart), lagrangian)
        finer = grid
        sides.reshape(-1)[merged[grid.square_of]] = side
        sides.reshape(-1)[all_derived[grid.square_of]] = 1
        is_derived[merged[grid.square_of]] = False
        is_derived[all_derived[grid.square_of]] = True
    return sides, is_derived.reshape(search.grid)


def _options(
    search: CandidateSearch, by_source: Sequence[Sequence[Candidate]]
) -> tuple[np.ndarray, np.ndarray]:
    """Costs (n, bh, bw) and fields (n, bh, bw, 2) of all candidates, and of the averages of two."""
    costs = [candidate.cost for candidates in by_source for candidate in candidates]
    fields = [candidate.vectors for candidates in by_source for candidate in candidates]
    if len(by_source) == 2:
        # The lists differ in length where only one of the two references has a pan.
        for past, future in zip(*by_source, strict=False):
            cost = search.averaged(past.prediction, future.prediction)[1]
            known = np.isfinite(past.cost) & np.isfinite(future.cost)
            costs.append(np.where(known, cost, np.inf))
            fields.append(past.vectors)
    return np.stack(costs), np.stack(fields)


def _least(
    search: CandidateSearch,
    grid: MergeGrid,
    costs: np.ndarray,
    fields: np.ndarray,
    fixed: float,
) -> np.ndarray:
    """(n,): what every square of a grid costs at least if it moves as one."""
    if search.kernels is not None:
        return _compiled_least(search, grid, costs, fields, fixed)
    options = []
    for cost, field in zip(costs, fields, strict=True):
        total = np.bincount(grid.square_of, weights=cost.reshape(-1), minlength=len(grid.leaders))
        at_leaders = field.reshape(-1, 2)[grid.leaders].reshape(grid.rows, grid.columns, 2)
        if search.merges_alike:
            own = at_leaders.reshape(-1, 2)[grid.square_of]
            differs = (field.reshape(-1, 2) != own).any(-1)
            total = np.where(grid.count(differs) > 0, np.inf, total)
        bits = search.vector_costs(at_leaders - _around(at_leaders))
        options.append(total + fixed + bits.reshape(-1))
    least: npt.NDArray[np.float64] = np.min(options, axis=0)
    return least


def _compiled_least(
    search: CandidateSearch,
    grid: MergeGrid,
    costs: np.ndarray,
    fields: np.ndarray,
    fixed: float,
) -> np.ndarray:
    assert search.kernels is not None
    rates, least = search.rates, np.empty(len(grid.leaders))
    search.kernels.merging.least(
        costs.reshape(len(costs), -1),
        fields.reshape(len(fields), -1, 2),
        (*search.grid, grid.side),
        _LENGTHS,
        (fixed, search.lagrangian, rates.new_vector, rates.vector_slope, rates.same_vector),
        search.merges_alike,
        least,
    )
    return least


def split_at(alone: np.ndarray, sides: np.ndarray) -> None:
    """Take squares apart, in ``sides`` (bh, bw), that hold blocks which cannot move with others,
    ``alone`` (bh, bw) bool.
    """
    height, width = sides.shape
    flat = sides.reshape(-1)
    present = [2**depth for depth in range(int(flat.max()).bit_length() - 1, 0, -1)]
    for side in present:
        grid = merge_grid(height, width, side)
        broken = (grid.count(alone.reshape(-1)) > 0)[grid.square_of] & (flat == side)
        flat[broken] = side // 2
    for side in present:  # at the edges of the frame halving can leave single blocks
        grid = merge_grid(height, width, side)
        flat[(grid.size == 1)[grid.square_of] & (flat == side)] = 1


def _around(vectors: np.ndarray) -> np.ndarray:
    """What the four neighbours of every vector (rows, columns, 2) predict: the mean of the middle
    two, edges repeated.
    """
    padded = np.pad(vectors, ((1, 1), (1, 1), (0, 0)), mode="edge")
    four = np.sort(
        np.stack([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]), axis=0
    )
    mean: npt.NDArray[np.int64] = (four[1] + four[2]) >> 1
    return mean
