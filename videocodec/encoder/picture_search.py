"""Motion where pictures move: candidates are priced by a linear map of what they lack of the
source's pixels, and only what is chosen goes through the encoder's network.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bitstream.sequence_header import PIXELS_PER_LATENT
from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.motion_vectors import keys_of
from bitstream.v1.prediction import VECTOR_LIMIT
from bitstream.v1.quantiser import UNITS_PER_LATENT
from bitstream.v2.block_elements import MERGE_SIDES
from bitstream.v2.block_syntax import PricedContext
from bitstream.v2.derived_blocks import DerivableFields
from bitstream.v2.derived_motion import derived_motion
from bitstream.v2.loop_arithmetic import MIDDLE
from bitstream.v2.moved_pictures import Picture
from bitstream.v2.prediction import PictureReference, moved_picture, predict_frame

from .alike_fields import first_alike, rows_of
from .block_costs import BlockCosts, FrameCosts
from .block_matching import MatchedLuma, luma_of, matched_squares
from .candidates import Candidate, CandidateSearch, DirectionBits, MotionSource
from .decisions import BlockDecider, Decision, DerivedOption
from .merging import DerivedCosts, Partition
from .picture_prices import PicturePrices, SearchedPictures, SearchMap, apart
from .table_prices import DirectionPrices, derived_bits
from .tabled_vectors import TabledVectorChooser
from .vector_choice import Motion, VectorChooser

# What blocks may differ by beside their best match: a factor, and grey levels a pixel.
_HOPELESS, _UNSEEN = 1.5, 2


def loop_picture(rgb: npt.NDArray[np.uint8], height: int, width: int) -> Picture:
    """RGB (H, W, 3) as the loop sees pictures, padded to that size: (3, height, width) int16."""
    missing = (0, height - rgb.shape[0]), (0, width - rgb.shape[1]), (0, 0)
    padded = np.pad(rgb, missing, mode="edge").transpose(2, 0, 1)
    return np.ascontiguousarray(padded).astype(np.int16) * np.int16(2 * MIDDLE // 255)


class PictureSearch(CandidateSearch):
    """Tries vector fields on one frame, by what ``PicturePrices`` says of them.

    matched_first: of ``BlockTools``.
    """

    matched_first = False
    merge_sides: ClassVar[tuple[int, ...]] = MERGE_SIDES
    merges_alike: ClassVar[bool] = True

    def __init__(
        self,
        source: Picture,
        priced: PicturePrices,
        prices: BlockCosts,
        costs: FrameCosts,
        context: PricedContext,
        pictures: SearchedPictures,
    ) -> None:
        super().__init__(prices, costs, context.source.fields.modes.shape)
        self.tables = context.tables
        self._priced, self._pictures = priced, pictures
        self.kernels = priced.kernels
        self._side = costs.block * PIXELS_PER_LATENT
        self._luma = MatchedLuma(luma_of(source), self._side)

    def _evened(self, source: MotionSource) -> list[np.ndarray]:
        """By matching pixels."""
        reference = self._pictures.luma(source.reference, self._side)
        return matched_squares(
            self._luma, reference, source.fields[0], tuple(reversed(self.merge_sides))
        )

    def _wanted(
        self, source: MotionSource, fields: Sequence[np.ndarray]
    ) -> Sequence[npt.NDArray[np.bool_]]:
        """Fields that are the same everywhere only where pixels match about as by others."""
        if not self.matched_first:
            return super()._wanted(source, fields)
        reference = self._pictures.luma(source.reference, self._side)
        sums = self._luma.sums(reference, np.stack(fields))
        enough = sums.min(0) * _HOPELESS + _UNSEEN * self._side**2
        alike = [bool((field == field[0, 0]).all()) for field in fields]
        return [(one <= enough) | (not whole) for one, whole in zip(sums, alike, strict=True)]

    def direction_prices(self, context: BlockContext, sides: np.ndarray) -> DirectionBits:
        """By the tables."""
        return DirectionPrices(self.tables, context, sides).bits

    def pricing(self, reference: Any) -> tuple[Any, ...]:
        """What kernels price blocks by, where there are some."""
        return self._priced.pricing(reference)

    def blank(self) -> np.ndarray:
        """As for latents."""
        channels, positions = len(self.costs.target), self.costs.block**2
        return np.zeros((self.grid[0] * self.grid[1], positions, channels), dtype=np.int32)

    def take(self, prediction: np.ndarray, blocks: np.ndarray, other: np.ndarray) -> None:
        """As for latents."""
        at = blocks.reshape(-1)
        prediction[at] = other[at]

    def averaged(self, past: np.ndarray, future: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As for latents."""
        both, cost = self._priced.averaged(past, future)
        return both, cost.reshape(self.grid)

    def plane(self, prediction: np.ndarray) -> np.ndarray:
        """As for latents."""
        return self._priced.to_plane(prediction)

    def candidate(
        self, reference: PictureReference, vectors: np.ndarray, where: np.ndarray | None = None
    ) -> Candidate:
        """As for latents."""
        everywhere = np.ones(self.grid, dtype=bool) if where is None else where
        return self.candidates_at(reference, [(vectors, everywhere)])[0]

    def candidates_at(
        self, reference: PictureReference, asked: Sequence[tuple[np.ndarray, np.ndarray]]
    ) -> list[Candidate]:
        """All at once; what fields have in common is priced once."""
        fields = [np.clip(field, -VECTOR_LIMIT, VECTOR_LIMIT) for field, _ in asked]
        wanted = np.stack([where.reshape(-1) for _, where in asked])
        first = first_alike(np.stack([keys_of(one).reshape(-1) for one in fields]), wanted)
        blocks = [np.flatnonzero(first[index] == index) for index in range(len(fields))]
        vectors = [one.reshape(-1, 2)[at] for one, at in zip(fields, blocks, strict=True)]
        values, costs = self._priced.priced(
            reference, np.concatenate(blocks), np.concatenate(vectors)
        )
        costs = np.append(costs, np.inf)
        candidates: list[Candidate] = []
        for field, at, rows in zip(fields, blocks, rows_of(first, blocks), strict=True):
            if len(at) == len(rows):  # nothing in common with others
                some = slice(rows[0], rows[-1] + 1)
                candidates.append(Candidate(field, values[some], costs[some].reshape(self.grid)))
                continue
            prediction = values.take(rows, axis=0, mode="clip")
            prediction[rows < 0] = 0
            candidates.append(Candidate(field, prediction, costs[rows].reshape(self.grid)))
        return candidates


def _derived_alone(vectors: npt.NDArray[np.int64]) -> DerivableFields:
    """Vectors (2, bh, bw, 2) that nobody sends."""
    _, height, width, _ = vectors.shape
    fields = DerivableFields.blank(height, width, Mode.SKIP)
    fields.vectors[:], fields.directions[:], fields.derived[:] = vectors, Direction.AVERAGE, True
    return fields


class PictureBlockDecider(BlockDecider):
    """Chooses what is coded in every block of frames whose pictures move."""

    _chooser: ClassVar[type[VectorChooser]] = TabledVectorChooser
    _fields: ClassVar[type[BlockFields]] = DerivableFields

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._pictures = SearchedPictures()
        self._map = SearchMap(self.tables.search_map)

    def of_motion_alone(self) -> PictureBlockDecider:
        """Another, that knows the same pictures, for frames in which all blocks are skipped; the
        latents that it is given are all 0.
        """
        other = copy(self)
        rates = replace(self._prices.rates, residual=np.inf, intra=np.inf)
        other._prices = self._prices.at(rates)
        other._sends_levels = False
        return other

    def lacking(self, reference: PictureReference, source: Picture) -> float:
        """Grey levels that a reference's picture is from its source in the mean."""
        return self._pictures.lacking(reference, source)

    def shown_motion(
        self, references: Sequence[PictureReference], context: BlockContext
    ) -> npt.NDArray[np.int64]:
        """Vectors (2, bh, bw, 2) to both references of a frame that these show."""
        past, future = references
        vectors = self._derived(past, future, context)
        return np.asarray(np.clip(vectors, -VECTOR_LIMIT, VECTOR_LIMIT), np.int64)

    def shown(
        self, references: Sequence[PictureReference], vectors: npt.NDArray[np.int64]
    ) -> Decision:
        """All blocks of a frame between two references move as these show, and nothing is sent."""
        fields = _derived_alone(vectors)
        return Decision(fields, predict_frame(fields, tuple(references), self.block), vectors)

    def shown_lacking(
        self,
        references: Sequence[PictureReference],
        vectors: npt.NDArray[np.int64],
        source: Picture,
    ) -> float:
        """Grey levels from there to the source in the mean."""
        fields = _derived_alone(vectors)
        return apart(moved_picture(fields, tuple(references), self.block), source)

    def _search(
        self,
        target: np.ndarray,
        picture: Picture | None,
        costs: FrameCosts,
        context: BlockContext,
    ) -> CandidateSearch:
        assert picture is not None  # of ``SecondFrameEncoder``
        assert isinstance(context, PricedContext)
        grid = context.source.fields.modes.shape
        latents = target * UNITS_PER_LATENT
        pictures = self._pictures
        priced = PicturePrices(picture, latents, self._map, costs, grid, pictures)
        priced.copies, priced.crew = self._sends_levels, self.crew
        search = PictureSearch(picture, priced, self._prices, costs, context, pictures)
        search.matched_first = self._tools.matched_first
        return search

    def _tried(
        self, search: CandidateSearch, sources: Sequence[MotionSource], context: BlockContext
    ) -> tuple[list[list[Candidate]], DerivedOption | None]:
        """As for any version; frames with two references have derived motion."""
        tools = self._tools
        if not (context.has_future and tools.merged_blocks and tools.derived):
            return super()._tried(search, sources, context)
        past, future = (source.reference for source in sources)
        vectors: list[np.ndarray] = []

        def found(source: MotionSource | None) -> list[Candidate]:
            if source is not None:
                return search.candidates(source, evened=True)
            vectors.extend(self._derived(past, future, context))
            return []

        _, *by_source = self.crew.map(found, [None, *sources])
        candidates = search.candidate(past, vectors[0]), search.candidate(future, vectors[1])
        _, cost = search.averaged(candidates[0].prediction, candidates[1].prediction)
        assert isinstance(context, PricedContext)
        bits = derived_bits(context.tables["derived"], context)
        costs = DerivedCosts(cost, bits)
        return by_source, DerivedOption(np.stack(vectors), candidates, costs)

    def _derived(
        self, past: PictureReference, future: PictureReference, context: BlockContext
    ) -> np.ndarray:
        """Vectors (2, bh, bw, 2) to both references, for every block."""
        distances = context.distances[0], context.distances[1]
        pictures = self._pictures.picture(past), self._pictures.picture(future)
        return derived_motion(pictures, distances, self.block, context.temporal[0])

    def _motions(
        self,
        search: CandidateSearch,
        by_source: list[list[Candidate]],
        sources: Sequence[MotionSource],
        context: BlockContext,
        fields: BlockFields,
        derived: DerivedOption | None,
    ) -> tuple[list[Motion], Partition]:
        """As for any version; fills also which blocks have derived motion."""
        motions, partition = super()._motions(search, by_source, sources, context, fields, derived)
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
        if not self._sends_levels:  # all are skipped, which they are to begin with
            return
        super()._set_modes(search, fields, prediction, motions)
        assert isinstance(fields, DerivableFields)
        fields.derived &= fields.modes != Mode.INTRA

    def _predicted(
        self, fields: BlockFields, sources: Sequence[MotionSource], approximate: np.ndarray
    ) -> np.ndarray:
        return predict_frame(fields, tuple(source.reference for source in sources), self.block)
