"""Vectors chosen by what they take under the tables that they will be coded under."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bitstream.v1.block_lattice import Stage

from .candidates import Candidate
from .compiled_vectors import CompiledChoice
from .table_prices import VectorPrices
from .vector_choice import Motion, Predictors, VectorChooser


@dataclass(frozen=True)
class PricedPredictors(Predictors):
    """With prices, of the leaders (n,) of a stage."""

    leaders: np.ndarray
    prices: VectorPrices


class TabledVectorChooser(VectorChooser):
    """Chooses vectors by what they take under the tables that they will be coded under."""

    _search: Any  # a ``PictureSearch``

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._moved = np.zeros(self._partition.grid, dtype=np.int64)

    def choose(
        self,
        candidates: Sequence[Candidate],
        temporal: np.ndarray,
        derived: Candidate | None = None,
    ) -> Motion:
        """As for any version."""
        search = self._search
        if search.kernels is None:
            return super().choose(candidates, temporal, derived)
        pricing = search.pricing(self._reference)
        choice = CompiledChoice(
            pricing, search, self._partition, search.tables, merges=self._merges
        )
        return choice.choose(self._tries(candidates), temporal, derived)

    def _predictors(
        self, stage: Stage, leading: np.ndarray, chosen: np.ndarray, temporal: np.ndarray
    ) -> Predictors:
        predictors = super()._predictors(stage, leading, chosen, temporal)
        part = stage.select(leading)
        blocks = part.blocks
        prices = VectorPrices(
            self._search.tables,
            stage.kind,
            part.gather(chosen),
            stage.inside[:, leading],
            temporal.reshape(-1, 2)[blocks],
            self._partition.sides.reshape(-1)[blocks],
            part.gather(self._moved).sum(0),
        )
        return PricedPredictors(**vars(predictors), leaders=blocks, prices=prices)

    def _rate(self, vectors: np.ndarray, predictors: Predictors) -> np.ndarray:
        assert isinstance(predictors, PricedPredictors)
        rate = np.zeros(self._partition.grid)
        chosen = vectors.reshape(-1, 2)[predictors.leaders]
        rate.reshape(-1)[predictors.leaders] = self._search.lagrangian * predictors.prices.bits(
            chosen
        )
        return rate

    def _note(self, predictors: Predictors, vectors: np.ndarray) -> None:
        assert isinstance(predictors, PricedPredictors)
        leaders = predictors.leaders
        symbols = predictors.prices.symbols(vectors.reshape(-1, 2)[leaders])
        self._moved.reshape(-1)[leaders] = symbols > 0
        self._moved = self._partition.shared(self._moved)
