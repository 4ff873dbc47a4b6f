"""What vectors and directions take in bits, by the tables that they will be coded under."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bitstream.v1.adaptive_tables import TableSet
from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_elements import DIFFERENCE_RADIUS, NEW_VECTOR, PLACE_EDGE
from bitstream.v1.block_fields import MODE_INTRA
from bitstream.v1.block_lattice import Stage, StageKind, middle_and_extent
from bitstream.v1.block_syntax import VOTE_BITS, VOTE_DIGITS
from bitstream.v1.merged_blocks import merge_grid
from bitstream.v1.motion_vectors import VectorCandidates, keys_of
from bitstream.v2.block_elements import (
    DERIVED,
    DERIVED_SIDES,
    DIRECTION,
    HORIZONTAL_DIFFERENCE,
    INTRA,
    VECTOR_MERGE,
    VERTICAL_DIFFERENCE,
)
from bitstream.v2.derived_blocks import fixed_contexts
from bitstream.v2.vector_syntax import SIZES, VectorLayer

Bits = npt.NDArray[np.float64]
_NONE = np.zeros(0, dtype=np.int64)
_OF_AN_ESCAPE = 8.0  # bits beyond its symbol, more or less


def difference_bits(tables: TableSet, spread: np.ndarray, difference: np.ndarray) -> Bits:
    """Of new vectors that differ by ``difference`` (n, 2) from their predictors."""
    down, across = difference[:, 0], difference[:, 1]
    ids = VERTICAL_DIFFERENCE.index(spread=spread)
    bits = _component_bits(tables, ids, down)
    ids = HORIZONTAL_DIFFERENCE.index(spread=spread, vertical_zero=down == 0)
    return bits + _component_bits(tables, ids, across)


def _component_bits(tables: TableSet, ids: np.ndarray, values: np.ndarray) -> Bits:
    symbols = np.clip(values, -DIFFERENCE_RADIUS, DIFFERENCE_RADIUS) + DIFFERENCE_RADIUS
    bits: Bits = tables.costs[ids, symbols]
    return bits + np.where(np.abs(values) > DIFFERENCE_RADIUS, _OF_AN_ESCAPE, 0.0)


class VectorPrices:
    """The vectors of the leaders of a stage (n,), priced while vectors are chosen.

    around (4, n, 2), available (4, n): the neighbours' vectors; temporal (n, 2); sides (n,): of the
    merged blocks; moved (n,): how many neighbours have a vector that is not its predictor.
    """

    def __init__(
        self,
        tables: Mapping[str, TableSet],
        kind: StageKind,
        around: np.ndarray,
        available: np.ndarray,
        temporal: np.ndarray,
        sides: np.ndarray,
        moved: np.ndarray,
    ) -> None:
        self._tables = tables
        self.guess, extent = middle_and_extent(around, available, temporal)
        self._spread = VectorLayer.spread(extent)
        self._candidates = VectorCandidates(
            keys_of(self.guess), keys_of(temporal), keys_of(around), _NONE
        )
        self._ids = VECTOR_MERGE.index(
            size=SIZES[sides],
            place=PLACE_EDGE if kind == StageKind.EDGE else 0,
            neighbours=moved,
            candidates=self._candidates.others,
        )

    def symbols(self, vectors: np.ndarray) -> npt.NDArray[np.int64]:
        """Of vectors (n, 2)."""
        return self._candidates.symbols(keys_of(vectors))

    def bits(self, vectors: np.ndarray) -> Bits:
        """Of vectors (n, 2)."""
        symbols = self.symbols(vectors)
        bits: Bits = self._tables["vector_merge"].costs[self._ids, symbols]
        new = np.flatnonzero(symbols == NEW_VECTOR)
        if len(new):
            difference = vectors[new] - self.guess[new]
            bits[new] += difference_bits(
                self._tables["vector_delta"], self._spread[new], difference
            )
        return bits


def derived_bits(tables: TableSet, context: BlockContext) -> dict[int, Bits]:
    """By side of squares (n, 2): of each that not all of its blocks have derived motion, and that
    they have, where half of the squares around it do.
    """
    shape = context.source.fields.modes.shape
    bits = {}
    for side in DERIVED_SIDES:
        grid = merge_grid(*shape, side)
        ids = fixed_contexts(grid, context) + DERIVED.part(second_pass=1, neighbours=2)
        bits[side] = tables.costs[ids]
    return bits


class DirectionPrices:
    """The directions of a frame, priced while they are chosen; sides (bh, bw)."""

    def __init__(
        self, tables: Mapping[str, TableSet], context: BlockContext, sides: np.ndarray
    ) -> None:
        self._costs = tables["direction"].costs
        source = context.source.fields
        self._fixed = DIRECTION.index(
            two_references=int(context.has_future),
            source=np.where(source.modes == MODE_INTRA, INTRA, source.directions),
            size=SIZES[sides],
        ).reshape(-1)

    def bits(
        self, stage: Stage, leading: np.ndarray, choice: np.ndarray, chosen: np.ndarray
    ) -> Bits:
        """(3, n): of the leaders of a stage; choice, chosen (bh, bw): directions, and where they
        are known.
        """
        part = stage.select(leading)
        votes = np.where(chosen, 1 << VOTE_BITS * choice, 0)
        ids = self._fixed[part.blocks] + DIRECTION.part(
            votes=VOTE_DIGITS[part.gather(votes).sum(0)]
        )
        bits: Bits = self._costs[ids, :INTRA].T
        return bits
