"""Motion where pictures move: candidates are priced by a linear map of what they lack of the
source's pixels, and only what is chosen goes through the encoder's network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bitstream.sequence_header import PIXELS_PER_LATENT
from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.block_lattice import Stage
from bitstream.v1.frame_coder import to_positions
from bitstream.v1.prediction import VECTOR_LIMIT, average
from bitstream.v1.quantiser import UNITS_PER_LATENT
from bitstream.v2.block_elements import MERGE_SIDES
from bitstream.v2.block_syntax import PricedContext
from bitstream.v2.derived_blocks import DerivableFields
from bitstream.v2.derived_motion import derived_motion
from bitstream.v2.inter_tables import SEARCH_SIDE
from bitstream.v2.loop_networks import MIDDLE
from bitstream.v2.moved_pictures import Picture
from bitstream.v2.prediction import PictureReference, predict_frame

from .block_costs import BlockCosts, FrameCosts
from .block_matching import luma_of, matched_squares
from .candidates import Candidate, CandidateSearch, DirectionBits, MotionSource
from .decisions import BlockDecider, DerivedOption
from .merging import DerivedCosts, Partition
from .picture_squares import PictureSquares
from .table_prices import DirectionPrices, VectorPrices, derived_bits
from .vector_choice import Motion, Predictors, VectorChooser

_MARGIN = (SEARCH_SIDE - PIXELS_PER_LATENT) // 2  # px


def loop_picture(rgb: npt.NDArray[np.uint8], height: int, width: int) -> Picture:
    """RGB (H, W, 3) as the loop sees pictures, padded to that size: (3, height, width) int16."""
    missing = (0, height - rgb.shape[0]), (0, width - rgb.shape[1]), (0, 0)
    padded = np.pad(rgb, missing, mode="edge").transpose(2, 0, 1)
    return np.ascontiguousarray(padded).astype(np.int16) * np.int16(2 * MIDDLE // 255)


class PictureSearch(CandidateSearch):
    """Tries vector fields on one frame.  What a candidate's pixels lack of the source's goes
    through the search map, and is taken off the frame's latents.
    """

    merge_sides: ClassVar[tuple[int, ...]] = MERGE_SIDES
    merges_alike: ClassVar[bool] = True

    def __init__(
        self,
        source: Picture,
        search_map: npt.NDArray[np.float32],
        latents: np.ndarray,
        prices: BlockCosts,
        costs: FrameCosts,
        context: PricedContext,
    ) -> None:
        """``latents`` (C, h, w) in latent units: those of the source; ``search_map``: of
        ``InterTables``.
        """
        grid = context.source.fields.modes.shape
        super().__init__(prices, costs, grid)
        self.tables = context.tables
        self._map, self._latents = search_map, latents
        side = costs.block * PIXELS_PER_LATENT
        self._side = side + 2 * _MARGIN
        rows, columns = np.indices(grid).reshape(2, -1)
        self._corners = rows * side - _MARGIN, columns * side - _MARGIN
        self._luma = luma_of(source)
        self._squares: dict[int, PictureSquares] = {}  # of references, by their identity
        still = np.zeros((rows.size, 2), dtype=np.int64)
        self._source = PictureSquares(source, self._side).at(*self._corners, still)

    def _evened(self, source: MotionSource) -> list[np.ndarray]:
        """By matching pixels."""
        reference = luma_of(source.reference.picture)
        return matched_squares(
            self._luma, reference, source.fields[0], tuple(reversed(self.merge_sides))
        )

    def direction_prices(self, context: BlockContext, sides: np.ndarray) -> DirectionBits:
        """By the tables."""
        return DirectionPrices(self.tables, context, sides).bits

    def candidate(
        self, reference: PictureReference, vectors: np.ndarray, where: np.ndarray | None = None
    ) -> Candidate:
        """As for latents."""
        vectors = np.clip(vectors, -VECTOR_LIMIT, VECTOR_LIMIT)
        some = np.ones(self.grid, dtype=bool) if where is None else where
        prediction = np.zeros(self._latents.shape, dtype=np.int32)
        moves = some & vectors.any(-1)
        if moves.any():
            at = to_positions(moves, self.costs.block)
            mapped = self._mapped(self._lacking(reference, vectors, moves), moves)[:, at]
            prediction[:, at] = np.rint(self._latents[:, at] - mapped)
        still = to_positions(some & ~moves, self.costs.block)
        prediction[:, still] = reference.latents[:, still]
        cost = self.costs.cheapest(prediction)
        if where is not None:
            cost = np.where(where, cost, np.inf)
        return Candidate(vectors, prediction, cost)

    def _lacking(
        self, reference: PictureReference, vectors: np.ndarray, where: np.ndarray
    ) -> npt.NDArray[np.float32]:
        """What blocks ``where`` of the reference's picture, moved by vectors (bh, bw, 2), lack of
        the source's, with the margin that the map needs: (n, 3, s, s).
        """
        if id(reference) not in self._squares:
            self._squares[id(reference)] = PictureSquares(reference.picture, self._side)
        blocks = np.flatnonzero(where)
        rows, columns = (corners[blocks] for corners in self._corners)
        moved = self._squares[id(reference)].at(rows, columns, vectors.reshape(-1, 2)[blocks])
        return (self._source[blocks] - moved).astype(np.float32)

    def _mapped(
        self, lacking: npt.NDArray[np.float32], where: np.ndarray
    ) -> npt.NDArray[np.float32]:
        """Differences of squares (n, 3, s, s) of blocks ``where`` → (C, h, w) in latent units, 0
        elsewhere.
        """
        block, side = self.costs.block, SEARCH_SIDE
        windows = np.lib.stride_tricks.sliding_window_view(lacking, (side, side), axis=(2, 3))
        windows = windows[:, :, ::PIXELS_PER_LATENT, ::PIXELS_PER_LATENT]  # (n, 3, b, b, 16, 16)
        windows = windows.transpose(0, 2, 3, 1, 4, 5)
        mapped = windows.reshape(-1, self._map.shape[1]) @ self._map.T
        blocks = np.zeros((*self.grid, block, block, len(self._map)), dtype=np.float32)
        blocks[where] = mapped.reshape(-1, block, block, len(self._map))
        latents: npt.NDArray[np.float32] = blocks.transpose(4, 0, 2, 1, 3)
        return latents.reshape(self._latents.shape)


@dataclass(frozen=True)
class PricedPredictors(Predictors):
    """With prices, of the leaders (n,) of a stage."""

    leaders: np.ndarray
    prices: VectorPrices


class TabledVectorChooser(VectorChooser):
    """Chooses vectors by what they take under the tables that they will be coded under."""

    _search: PictureSearch

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._moved = np.zeros(self._partition.grid, dtype=np.int64)

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


class PictureBlockDecider(BlockDecider):
    """Chooses what is coded in every block of frames whose pictures move."""

    _chooser: ClassVar[type[VectorChooser]] = TabledVectorChooser
    _fields: ClassVar[type[BlockFields]] = DerivableFields

    def _search(
        self,
        target: np.ndarray,
        picture: Picture | None,
        costs: FrameCosts,
        context: BlockContext,
    ) -> CandidateSearch:
        assert picture is not None  # of ``SecondFrameEncoder``
        assert isinstance(context, PricedContext)
        latents = target * UNITS_PER_LATENT
        search_map = self.tables.search_map
        return PictureSearch(picture, search_map, latents, self._prices, costs, context)

    def _derived(
        self, search: CandidateSearch, sources: Sequence[MotionSource], context: BlockContext
    ) -> DerivedOption | None:
        """Of frames with two references."""
        if not context.has_future or not self._tools.merged_blocks:
            return None
        past, future = (source.reference for source in sources)
        distances = context.distances[0], context.distances[1]
        pictures = past.picture, future.picture
        vectors = derived_motion(pictures, distances, self.block, context.temporal[0])
        candidates = search.candidate(past, vectors[0]), search.candidate(future, vectors[1])
        both = average(candidates[0].prediction, candidates[1].prediction)
        assert isinstance(context, PricedContext)
        bits = derived_bits(context.tables["derived"], context)
        costs = DerivedCosts(search.costs.cheapest(both), bits)
        return DerivedOption(vectors, candidates, costs)

    def _motions(
        self,
        search: CandidateSearch,
        sources: Sequence[MotionSource],
        context: BlockContext,
        fields: BlockFields,
        derived: DerivedOption | None,
    ) -> tuple[list[Motion], Partition]:
        """As for any version; fills also which blocks have derived motion."""
        motions, partition = super()._motions(search, sources, context, fields, derived)
        assert isinstance(fields, DerivableFields)
        fields.derived[:] = partition.derived
        return motions, partition

    def _set_modes(
        self,
        search: CandidateSearch,
        fields: BlockFields,
        prediction: np.ndarray,
        motions: Sequence[Motion],
    ) -> None:
        """As for any version; intra blocks have no motion."""
        super()._set_modes(search, fields, prediction, motions)
        assert isinstance(fields, DerivableFields)
        fields.derived &= fields.modes != Mode.INTRA

    def _predicted(
        self, fields: BlockFields, sources: Sequence[MotionSource], approximate: np.ndarray
    ) -> np.ndarray:
        return predict_frame(fields, tuple(source.reference for source in sources), self.block)
