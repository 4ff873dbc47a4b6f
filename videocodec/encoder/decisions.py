"""Decisions of an inter frame by rate and distortion (``block_costs``).

The order is: what every candidate vector field would cost in every block; from that the quadtree of
merged blocks; then vectors and directions in the order of the syntax, where their predictors are
known; then the mode of every block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.frame_coder import to_positions

from .block_costs import BlockCosts, ErrorWeights, FrameCosts, RateEstimates
from .candidates import Candidate, CandidateSearch, LatentSearch, MotionSource
from .crew import ALONE, Crew
from .direction_choice import choose_directions
from .generation import BlockScene, GenerateChooser
from .importance import USUAL_CLASS
from .merging import DerivedCosts, Partition, merged_sides, split_at
from .settings import BlockTools
from .vector_choice import Motion, VectorChooser


@dataclass(frozen=True)
class Decision:
    """What is to be coded for a frame: block fields, and the prediction (C, h, w) int32 they
    give.  derived (2, bh, bw, 2): the motion that the references show, where somebody looked.
    """

    fields: BlockFields
    prediction: np.ndarray
    derived: np.ndarray | None = None


@dataclass(frozen=True)
class DerivedOption:
    """Motion that the references show: vectors (2, bh, bw, 2), what each reference gives along
    them, and what it costs to be predicted from the average.
    """

    vectors: np.ndarray
    candidates: tuple[Candidate, Candidate]
    costs: DerivedCosts


class BlockDecider:
    """Chooses merged blocks, vectors, directions and modes of one frame after another.

    tables: of the format's version, with what its inter frames need.
    tools: what may be used.  weights (C,): what an error in each channel counts, with mean 1.
    generate: chooses blocks that the restoration is to make up.
    crew: threads that may share work; its own alone, unless somebody says otherwise.
    """

    def __init__(
        self,
        tables: Any,
        block: int,
        lagrangian: float,
        tools: BlockTools = BlockTools(),
        *,
        generate: GenerateChooser | None = None,
        weights: np.ndarray | None = None,
        rates: RateEstimates = RateEstimates(),
    ) -> None:
        self.tables, self.block = tables, block
        if weights is None:
            weights = np.ones(tables.latent_channels, dtype=np.float32)
        self._prices = BlockCosts(lagrangian, weights, rates)
        self._tools, self._generate = tools, generate
        self.crew: Crew = ALONE

    def decide(
        self,
        target: np.ndarray,
        sources: Sequence[MotionSource],
        context: BlockContext,
        quantiser: int,
        errors: ErrorWeights | None = None,
        *,
        picture: np.ndarray | None = None,
    ) -> Decision:
        """``target`` (C, h, w) scaled latents; ``sources``: the past reference and perhaps the
        future one; ``context``: what the syntax predicts the frame from; ``errors``: what they
        count, None for all alike; ``picture``: the source, for versions that move pictures.
        """
        _, height, width, _ = context.temporal.shape
        grid = height, width
        errors = errors or ErrorWeights(np.full(grid, USUAL_CLASS))
        costs = FrameCosts(self._prices, target, quantiser, self.block, errors)
        search = self._search(target, picture, costs, context)
        fields = self._fields.blank(*grid, Mode.SKIP)
        by_source, derived = self._tried(search, sources, context)
        motions, partition = self._motions(search, by_source, sources, context, fields, derived)
        if len(motions) == 1:
            fields.vectors[0] = motions[0].chosen.vectors
            prediction = search.plane(motions[0].chosen.prediction)
        else:
            chosen = choose_directions(search, partition, context, *motions)
            fields.directions[:], fields.vectors[:] = chosen.directions, chosen.vectors
            prediction = search.plane(chosen.prediction)
        self._set_modes(search, fields, prediction, motions)
        predicted = self._predicted(fields, sources, prediction)
        if predicted is not prediction and self._sends_levels:
            _set_sent(search, fields, predicted)
        return Decision(fields, predicted, None if derived is None else derived.vectors)

    _sends_levels = True

    def _tried(
        self, search: CandidateSearch, sources: Sequence[MotionSource], context: BlockContext
    ) -> tuple[list[list[Candidate]], DerivedOption | None]:
        """The fields to try, by reference, and the motion that needs not be sent, for versions that
        have it.
        """
        evened = self._tools.merged_blocks
        works = [partial(search.candidates, source, evened=evened) for source in sources]
        return self.crew.map(lambda work: work(), works), None

    def _search(
        self,
        target: np.ndarray,
        picture: np.ndarray | None,
        costs: FrameCosts,
        context: BlockContext,
    ) -> CandidateSearch:
        """What tries vector fields on a frame."""
        return LatentSearch(self.tables, self._prices, costs, context.source.fields.modes.shape)

    _chooser: ClassVar[type[VectorChooser]] = VectorChooser
    _fields: ClassVar[type[BlockFields]] = BlockFields

    def _predicted(
        self, fields: BlockFields, sources: Sequence[MotionSource], searched: np.ndarray
    ) -> np.ndarray:
        """The prediction that a decoder will make of fields, (C, h, w) int32; ``searched``: that of
        the search, which is the same where latents move.
        """
        return searched

    def _motions(
        self,
        search: CandidateSearch,
        by_source: list[list[Candidate]],
        sources: Sequence[MotionSource],
        context: BlockContext,
        fields: BlockFields,
        derived: DerivedOption | None,
    ) -> tuple[list[Motion], Partition]:
        """The motion to every reference; fills the sides of merged blocks."""
        tools = self._tools
        is_derived = np.zeros(search.grid, dtype=bool)
        if tools.merged_blocks:
            costs = None if derived is None else derived.costs
            fields.sides[:], is_derived = merged_sides(search, by_source, costs)
        partition = Partition(fields.sides, is_derived)
        options = [None] * len(sources) if derived is None else derived.candidates

        def motion(index: int) -> Motion:
            chooser = self._chooser(
                search,
                partition,
                sources[index].reference,
                merges=tools.merged_vectors,
                refinements=tools.refinements,
            )
            return chooser.choose(by_source[index], context.temporal[index], options[index])

        return self.crew.map(motion, range(len(sources))), partition

    def _set_modes(
        self,
        search: CandidateSearch,
        fields: BlockFields,
        prediction: np.ndarray,
        motions: Sequence[Motion],
    ) -> None:
        """Skip, residual, generate or intra for every block; squares that hold an intra block are
        taken apart.
        """
        skip, residual = search.costs.skip_and_residual(prediction)
        costs = np.stack([skip, residual, np.full(search.grid, np.inf), search.costs.intra()])
        fields.modes[:] = costs.argmin(0)
        if self._generate is not None:
            moved = [search.plane(motion.chosen.prediction) for motion in motions]
            scene = _scene(search, fields.modes, prediction, moved, costs.min(0))
            fields.modes[self._generate(scene)] = Mode.GENERATE
        alone = fields.modes == Mode.INTRA
        fields.vectors[:, alone] = 0
        fields.directions[alone] = Direction.PAST
        split_at(alone, fields.sides)


def _set_sent(search: CandidateSearch, fields: BlockFields, prediction: np.ndarray) -> None:
    """Skip or residual for every block that is one of them, by another prediction than before."""
    either = (fields.modes == Mode.SKIP) | (fields.modes == Mode.RESIDUAL)
    skip, residual = search.costs.skip_and_residual(prediction)
    fields.modes[either] = np.where(residual < skip, Mode.RESIDUAL, Mode.SKIP)[either]


def _scene(
    search: CandidateSearch,
    modes: np.ndarray,
    prediction: np.ndarray,
    moved: Sequence[np.ndarray],
    cost: np.ndarray,
) -> BlockScene:
    """What a chooser sees; ``moved``: the prediction from each reference alone; ``cost`` (bh, bw):
    of the modes that are set.
    """
    costs = search.costs
    mode_at = to_positions(modes, costs.block)
    predicted, past, future = (costs.in_steps(p) for p in (prediction, moved[0], moved[-1]))
    base = np.where(mode_at == Mode.INTRA, np.float32(0), predicted)
    residual = costs.quantised(costs.target - base)
    return BlockScene(
        target=costs.target,
        prediction=predicted,
        sent=np.where(mode_at == Mode.SKIP, predicted, base + residual),
        past=past,
        future=future,
        weights=costs.weights,
        block=costs.block,
        cost=cost,
        mark=search.lagrangian * search.rates.generate,
        quantiser=costs.quantiser,
    )
