"""Vectors chosen by kernels, as ``TabledVectorChooser`` chooses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bitstream.v1.adaptive_tables import TableSet
from bitstream.v1.block_elements import PLACE_EDGE
from bitstream.v1.block_lattice import StageKind, stages
from bitstream.v2.block_elements import HORIZONTAL_DIFFERENCE, VECTOR_MERGE, VERTICAL_DIFFERENCE
from bitstream.v2.vector_syntax import SIZES

from .candidates import Candidate, CandidateSearch
from .merging import Partition
from .vector_choice import Motion

_STRIDES = (
    *(VECTOR_MERGE.strides[name] for name in ("size", "place", "neighbours", "candidates")),
    VERTICAL_DIFFERENCE.strides["spread"],
    HORIZONTAL_DIFFERENCE.first,
    *(HORIZONTAL_DIFFERENCE.strides[name] for name in ("spread", "vertical_zero")),
)
_PREDICTIONS = 6  # of a vector by the syntax, of which the first is the guess


class CompiledChoice:
    """The vectors of a frame to one reference, stage by stage.

    pricing: what kernels price blocks by (``PicturePrices.pricing``); search: one that has kernels;
    tables: those under which
    vectors will be coded; merges: whether vectors that a vector can merge with are tried.
    """

    def __init__(
        self,
        pricing: tuple[Any, ...],
        search: CandidateSearch,
        partition: Partition,
        tables: Mapping[str, TableSet],
        *,
        merges: bool,
    ) -> None:
        self._pricing, self._search = pricing, search
        self._partition, self._tried = partition, _PREDICTIONS if merges else 1
        self._tables = tables["vector_merge"].costs, tables["vector_delta"].costs

    def choose(
        self, tries: Sequence[Candidate], temporal: np.ndarray, derived: Candidate | None
    ) -> Motion:
        """As ``VectorChooser.choose``, of candidates as merged blocks can have them."""
        grid, partition = self._search.grid, self._partition
        count = grid[0] * grid[1]
        sums = np.stack([partition.sums(one.cost) for one in tries])
        usable = np.stack([partition.shared(np.isfinite(one)) for one in sums])
        known = (
            np.stack([one.vectors for one in tries]).reshape(len(tries), count, 2),
            sums.reshape(len(tries), count),
            usable.reshape(len(tries), count),
        )
        vectors, prediction = np.zeros((count, 2), dtype=np.int64), self._search.blank()
        costs, rates = np.zeros(count), np.zeros(count)
        choice = np.full(count, -1)
        if derived is not None:
            at = partition.derived.reshape(-1)
            vectors[at] = derived.vectors.reshape(-1, 2)[at]
            prediction[at], costs[at] = derived.prediction[at], derived.cost.reshape(-1)[at]
        canvas = vectors, choice, np.zeros(count, dtype=np.int64), rates, costs, prediction[:, 0]
        kernels = self._search.kernels
        assert kernels is not None
        led, likely = self._led(), np.ascontiguousarray(temporal.reshape(-1, 2))
        for stage in stages(*grid):
            leading = partition.leads[stage.blocks]
            if leading.any():
                place = PLACE_EDGE if stage.kind == StageKind.EDGE else 0
                neighbours = np.ascontiguousarray(stage.neighbours[:, leading])
                kernels.motion.stage(
                    self._pricing,
                    known,
                    (stage.blocks[leading], neighbours, place),
                    led,
                    likely,
                    (self._tables, _STRIDES, self._search.lagrangian, self._tried),
                    canvas,
                )
        for index, option in enumerate(tries):
            at = np.flatnonzero(choice == index)
            prediction[at], costs[at] = option.prediction.take(at, 0), option.cost.take(at)
        chosen = Candidate(vectors.reshape(*grid, 2), prediction, costs.reshape(grid))
        return Motion(chosen, rates.reshape(grid))

    def _led(self) -> tuple[npt.NDArray[np.int64], ...]:
        """Where the blocks that each block leads begin, these, and sides as contexts have them."""
        leader_of = self._partition.leader_of
        members = np.argsort(leader_of, kind="stable")
        starts = np.searchsorted(leader_of[members], np.arange(len(members) + 1))
        return starts, members, SIZES[self._partition.sides.reshape(-1)]
