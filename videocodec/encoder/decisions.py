"""Decisions of an inter frame by rate and distortion (``block_costs``): units, vectors, directions,
modes.

The order is: what every candidate vector field would cost in every block; from that the quadtree of
units that move as one; then vectors and directions in the order of the syntax, where their
predictors are known; then the mode of every block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.block_lattice import middle_and_spread, stages
from bitstream.v1.frame_coder import predict_frame, to_positions
from bitstream.v1.merged_blocks import MERGE_SIDES, leaders, merge_grid
from bitstream.v1.motion_vectors import scaled
from bitstream.v1.prediction import VECTOR_LIMIT, ReferenceFrame, average
from bitstream.v1.tables import CodecTables

from .block_costs import BlockCosts, FrameCosts, RateEstimates
from .generation import BlockScene, GenerateChooser
from .importance import USUAL_CLASS


@dataclass(frozen=True, eq=False)
class _Candidate:
    """One vector field (bh, bw, 2) to one reference, the prediction (C, h, w) it gives, and the
    cost of every block (bh, bw).
    """

    vectors: np.ndarray
    prediction: np.ndarray
    cost: np.ndarray


@dataclass(frozen=True)
class Decision:
    """What is to be coded for a frame: block fields, and the prediction (C, h, w) int32 they
    give.
    """

    fields: BlockFields
    prediction: np.ndarray


class BlockDecider:
    """Chooses units, vectors, directions and modes of one frame after another.

    refinements: rounds in which vectors are moved by a pixel or two where that makes the latents
    cheaper, 0 to trust the search on pixels.  units: whether blocks may be joined.  merges: whether
    the vectors of neighbours and of the frame before are tried.  weights (C,): what an error in
    each channel counts, with mean 1.  generate: chooses blocks that the restoration is to make up.
    """

    def __init__(
        self,
        tables: CodecTables,
        block: int,
        lagrangian: float,
        *,
        refinements: int = 0,
        units: bool = True,
        merges: bool = True,
        generate: GenerateChooser | None = None,
        weights: np.ndarray | None = None,
        rates: RateEstimates = RateEstimates(),
    ) -> None:
        self.tables, self.block = tables, block
        self.costs = BlockCosts(
            lagrangian,
            np.ones(tables.latent_channels, dtype=np.float32) if weights is None else weights,
            rates,
        )
        self.refinements, self.units, self.merges, self.generate = (
            refinements,
            units,
            merges,
            generate,
        )

    def decide(
        self,
        target: np.ndarray,
        reference: ReferenceFrame,
        candidates: list[np.ndarray],
        context: BlockContext,
        quantiser: int,
        future: tuple[ReferenceFrame, list[np.ndarray]] | None = None,
        classes: np.ndarray | None = None,
    ) -> Decision:
        """``target`` (C, h, w) scaled latents; ``candidates`` vector fields (bh, bw, 2) to try
        beside zero, the search's own first; ``context``: what the syntax predicts the frame from;
        ``future``: the other reference, with its candidates; ``classes`` (bh, bw) of
        ``importance.WEIGHTS``: what errors of every block count.
        """
        usual = np.full(context.temporal.shape[1:3], USUAL_CLASS)
        frame = _FrameDecision(
            self, target, quantiser, context, usual if classes is None else classes
        )
        sources = [(reference, candidates)] if future is None else [(reference, candidates), future]
        searches = [frame.candidates(*source) for source in sources]
        if self.units:
            frame.join_units(searches)
        motions = [
            frame.motion(source[0], search, temporal)
            for source, search, temporal in zip(sources, searches, context.temporal)
        ]
        frame.set_directions(motions)
        return frame.set_modes()


class _FrameDecision:
    """The decision of one frame while it is made."""

    def __init__(
        self,
        decider: BlockDecider,
        latents: np.ndarray,
        quantiser: int,
        context: BlockContext,
        classes: np.ndarray,
    ) -> None:
        self._decider, self._context = decider, context
        self._rates, self._lagrangian, self._block = (
            decider.costs.rates,
            decider.costs.lagrangian,
            decider.block,
        )
        self._costs = FrameCosts(decider.costs, latents, quantiser, decider.block, classes)
        self._grid = context.temporal.shape[1:3]
        self._fields = BlockFields.blank(*self._grid, Mode.SKIP)
        self._source = leaders(self._fields.sides)
        self._prediction: np.ndarray | None = None
        self._moved: list[np.ndarray] = []  # the prediction from each reference alone
        self._quantiser = quantiser

    def candidates(self, reference: ReferenceFrame, given: list[np.ndarray]) -> list[_Candidate]:
        """The fields to try everywhere: zero, those given, and the first of them evened out over 32
        and 64 px.  The same field twice is the same candidate twice, so that the lists of two
        references match.
        """
        fields = [np.zeros((*self._grid, 2), dtype=np.int64), *given]
        if given and self._decider.units:
            fields += [_evened(given[0], side) for side in reversed(MERGE_SIDES)]
        made: list[_Candidate] = []
        for field in fields:
            same = next(
                (candidate for candidate in made if np.array_equal(candidate.vectors, field)), None
            )
            made.append(same or self._candidate(reference, field))
        return made

    def _candidate(
        self, reference: ReferenceFrame, vectors: np.ndarray, where: np.ndarray | None = None
    ) -> _Candidate:
        """``where`` (bh, bw) bool: other blocks are not looked at, and cost without limit."""
        fields = BlockFields.blank(*self._grid, Mode.SKIP)
        fields.vectors[0] = np.clip(vectors, -VECTOR_LIMIT, VECTOR_LIMIT)
        prediction = predict_frame(self._decider.tables, fields, (reference,), self._block, where)
        cost = self._costs.cheapest(prediction)
        return _Candidate(
            fields.vectors[0], prediction, cost if where is None else np.where(where, cost, np.inf)
        )

    def _per_unit(self, cost: np.ndarray) -> np.ndarray:
        """Costs of blocks (bh, bw), summed over the blocks that move with a leader, in the leader's
        place → (bh, bw).
        """
        return np.bincount(self._source, weights=cost.reshape(-1), minlength=cost.size).reshape(
            cost.shape
        )

    def join_units(self, searches: list[list[_Candidate]]) -> None:
        """The quadtree, from the smallest units up: joined where one motion for all costs less than
        several.
        """
        fixed = self._lagrangian * self._rates.any_direction if len(searches) == 2 else 0.0
        costs, fields = [], []
        for search in searches:
            costs += [candidate.cost for candidate in search]
            fields += [candidate.vectors for candidate in search]
        if len(searches) == 2:
            for past, future in zip(*searches):
                costs.append(self._costs.cheapest(average(past.prediction, future.prediction)))
                fields.append(past.vectors)
        best = None
        sides = self._fields.sides.reshape(-1)
        for side in (1, *reversed(MERGE_SIDES)):
            grid = merge_grid(*self._grid, side)
            options = []
            for cost, field in zip(costs, fields):
                total = np.bincount(
                    grid.square_of, weights=cost.reshape(-1), minlength=len(grid.leaders)
                )
                at_roots = field.reshape(-1, 2)[grid.leaders].reshape(grid.rows, grid.columns, 2)
                options.append(
                    total
                    + fixed
                    + self._decider.costs.vectors(at_roots - _around(at_roots)).reshape(-1)
                )
            joint = np.min(options, axis=0)
            if best is None:
                best, finer = joint, grid
                continue
            apart = np.zeros(len(grid.leaders))
            np.add.at(apart, grid.square_of[finer.leaders], best)
            joint, apart = (
                joint + self._lagrangian * self._rates.joined[0],
                apart + self._lagrangian * self._rates.joined[1],
            )
            whole = (joint <= apart) & (grid.size > 1)
            mine = whole[grid.square_of]
            sides[mine] = side
            best, finer = np.where(whole, joint, apart), grid
        self._source = leaders(self._fields.sides)

    def _shared(self, vectors: np.ndarray) -> np.ndarray:
        """Every block with the vector of its unit's leader."""
        return vectors.reshape(-1, 2)[self._source].reshape(vectors.shape)

    def _spread(self, blocks: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Vectors (n, 2) of leading blocks, given to all blocks of their units → (bh, bw, 2)."""
        field = np.zeros((*self._grid, 2), dtype=np.int64)
        field.reshape(-1, 2)[blocks] = vectors
        return self._shared(field)

    def motion(
        self, reference: ReferenceFrame, search: list[_Candidate], temporal: np.ndarray
    ) -> tuple[_Candidate, np.ndarray]:
        """Vectors of all units to one reference by cost of the latents and of the vector, stage by
        stage in the order of the syntax → the choice, and λ · bits of its vectors, at the leaders.
        ``temporal``: what motion of another frame predicts.

        Candidates are tried everywhere at once; what a stage adds are its predictor and the vectors
        it can merge with.
        """
        grid = self._grid
        tries = [self._restricted(candidate) for candidate in dict.fromkeys(search)]
        for _ in range(self._decider.refinements):
            refined = self._refined(reference, tries)
            if refined is None:
                break
            tries.append(refined)
        unit_costs = [self._per_unit(candidate.cost) for candidate in tries]
        best, cost, vector_cost = np.zeros_like(temporal), np.zeros(grid), np.zeros(grid)
        prediction = np.zeros(self._costs.target.shape, dtype=np.int32)
        leads = self._source == np.arange(len(self._source))
        for stage in stages(*grid):
            chosen = leads[stage.blocks]
            if not chosen.any():
                continue
            blocks = stage.blocks[chosen]
            here = np.zeros(len(leads), dtype=bool)
            here[blocks] = True
            in_stage = here[self._source].reshape(grid)
            around, expected = stage.select(chosen).gather(best), temporal.reshape(-1, 2)[blocks]
            guess = self._spread(
                blocks, middle_and_spread(around, stage.inside[:, chosen], expected)[0]
            )
            merges = [self._spread(blocks, vectors) for vectors in (expected, *around)]
            options, totals = list(tries), list(unit_costs)
            for vectors in [guess, *merges] if self._decider.merges else [guess]:
                unseen = in_stage.copy()
                for option, total in zip(options, totals):
                    usable = np.isfinite(total).reshape(-1)[self._source].reshape(grid)
                    unseen &= (vectors != option.vectors).any(-1) | ~usable
                if unseen.any():
                    options.append(self._candidate(reference, vectors, unseen))
                    totals.append(self._per_unit(options[-1].cost))
            rates = []
            for option in options:
                merged = np.stack([(option.vectors == vectors).all(-1) for vectors in merges]).any(
                    0
                )
                rate = self._decider.costs.vectors(option.vectors - guess)
                rates.append(
                    np.where(
                        merged, np.minimum(rate, self._lagrangian * self._rates.merged_vector), rate
                    )
                )
            choice = (
                (np.stack(totals) + np.stack(rates))
                .argmin(0)
                .reshape(-1)[self._source]
                .reshape(grid)
            )
            for index, option in enumerate(options):
                taken = in_stage & (choice == index)
                if not taken.any():
                    continue
                best[taken], cost[taken], vector_cost[taken] = (
                    option.vectors[taken],
                    option.cost[taken],
                    rates[index][taken],
                )
                where = to_positions(taken, self._block)
                prediction[:, where] = option.prediction[:, where]
        return _Candidate(best, prediction, cost), vector_cost

    def _restricted(self, candidate: _Candidate) -> _Candidate:
        """A candidate as units can have it: without the blocks whose vector is another than their
        leader's.
        """
        shared = self._shared(candidate.vectors)
        differs = (shared != candidate.vectors).any(-1)
        if not differs.any():
            return candidate
        return _Candidate(shared, candidate.prediction, np.where(differs, np.inf, candidate.cost))

    def _refined(self, reference: ReferenceFrame, tries: list[_Candidate]) -> _Candidate | None:
        """The best candidate of every unit moved by a pixel in the direction that pays most, or
        None if none pays.
        """
        totals = np.stack([self._per_unit(candidate.cost) for candidate in tries])
        choice = totals.argmin(0).reshape(-1)[self._source].reshape(self._grid)
        start = np.take_along_axis(
            np.stack([c.vectors for c in tries]), choice[None, ..., None], 0
        )[0]
        best = np.take_along_axis(np.stack([c.cost for c in tries]), choice[None], 0)[0]
        # Where a unit costs no more than a few bits there is nothing to gain.
        active = (
            (self._per_unit(best) > 12 * self._lagrangian)
            .reshape(-1)[self._source]
            .reshape(self._grid)
        )
        if not active.any():
            return None
        least, vectors, cost, prediction = (
            totals.min(0),
            start.copy(),
            np.full(self._grid, np.inf),
            np.zeros(self._costs.target.shape, np.int32),
        )
        for offset in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            option = self._candidate(reference, start + np.array(offset), active)
            total = self._per_unit(np.where(active, option.cost, 0)) + self._lagrangian * 2
            better = (active.reshape(-1) & (total < least).reshape(-1))[self._source].reshape(
                self._grid
            )
            least = np.minimum(least, np.where(active, total, np.inf))
            vectors[better], cost[better] = option.vectors[better], option.cost[better]
            where = to_positions(better, self._block)
            prediction[:, where] = option.prediction[:, where]
        return _Candidate(vectors, prediction, cost) if np.isfinite(cost).any() else None

    def set_directions(self, motions: list[tuple[_Candidate, np.ndarray]]) -> None:
        """Past, future or their average for every unit; fills directions and vectors, and the
        prediction.
        """
        fields = self._fields
        past, past_bits = motions[0]
        self._moved = [motion.prediction for motion, _ in motions]
        if len(motions) == 1:
            fields.vectors[0], self._prediction = past.vectors, past.prediction
            return
        future, future_bits = motions[1]
        both = average(past.prediction, future.prediction)
        to_past, to_future = self._context.distances
        mirrored = self._decider.costs.vectors(
            future.vectors - scaled(past.vectors, to_future, to_past)
        )
        costs = np.stack([past.cost, future.cost, self._costs.cheapest(both)])
        costs = np.stack([self._per_unit(cost) for cost in costs]) + np.stack(
            [past_bits, future_bits, past_bits + mirrored]
        )
        choice = np.zeros(len(self._source), dtype=np.int64)
        known = np.zeros(len(self._source), dtype=bool)
        leads = self._source == np.arange(len(self._source))
        every, bits = np.arange(3)[:, None], self._lagrangian * np.array(self._rates.direction)
        for stage in stages(*self._grid):
            chosen = leads[stage.blocks]
            if not chosen.any():
                continue
            blocks = stage.blocks[chosen]
            around = stage.gather(choice.reshape(self._grid))[:, chosen]
            inside = stage.inside[:, chosen]
            votes = np.stack([((around == d) & inside).sum(0) for d in Direction])
            follows = (votes.argmax(0) == every) & inside.any(0)
            price = np.where(
                follows, bits[0], np.where(votes.max(0) == inside.sum(0), bits[2], bits[1])
            )
            choice[blocks] = (costs.reshape(3, -1)[:, blocks] + price).argmin(0)
            known[blocks] = True
            choice = np.where(known[self._source], choice[self._source], choice)
        choice = choice[self._source].reshape(self._grid)
        fields.directions[:] = choice
        fields.vectors[0] = np.where((choice != Direction.FUTURE)[..., None], past.vectors, 0)
        fields.vectors[1] = np.where((choice != Direction.PAST)[..., None], future.vectors, 0)
        self._prediction = np.choose(
            to_positions(choice, self._block)[None], [past.prediction, future.prediction, both]
        )

    def set_modes(self) -> Decision:
        """Skip, residual, generate or intra for every block, and units taken apart that hold an
        intra block.
        """
        fields = self._fields
        skip, residual = self._costs.skip_and_residual(self._prediction)
        costs = np.stack([skip, residual, np.full(self._grid, np.inf), self._costs.intra()])
        fields.modes[:] = costs.argmin(0)
        if self._decider.generate is not None:
            fields.modes[self._decider.generate(self._scene(costs.min(0)))] = Mode.GENERATE
        alone = fields.modes == Mode.INTRA
        fields.vectors[:, alone] = 0
        fields.directions[alone] = Direction.PAST
        sides = fields.sides.reshape(-1)
        for side in MERGE_SIDES:
            grid = merge_grid(*self._grid, side)
            broken = (grid.count(alone.reshape(-1)) > 0)[grid.square_of] & (sides == side)
            sides[broken] = side // 2
        for side in MERGE_SIDES:  # at the edges of the frame halving can leave single blocks
            grid = merge_grid(*self._grid, side)
            sides[(grid.size == 1)[grid.square_of] & (sides == side)] = 1
        return Decision(fields, self._prediction)

    def _scene(self, cost: np.ndarray) -> BlockScene:
        """``cost`` (bh, bw): of the modes that are set."""
        modes = to_positions(self._fields.modes, self._block)
        prediction, past, future = (
            self._costs.in_steps(plane)
            for plane in (self._prediction, self._moved[0], self._moved[-1])
        )
        base = np.where(modes == Mode.INTRA, np.float32(0), prediction)
        sent = np.where(
            modes == Mode.SKIP, prediction, base + self._costs.quantised(self._costs.target - base)
        )
        return BlockScene(
            self._costs.target,
            prediction,
            sent,
            past,
            future,
            self._costs.weights,
            block=self._block,
            cost=cost,
            mark=self._lagrangian * self._rates.generate,
            quantiser=self._quantiser,
        )


def _evened(vectors: np.ndarray, side: int) -> np.ndarray:
    """The median vector of every unit of ``side`` blocks, in all its blocks (bh, bw, 2)."""
    height, width = vectors.shape[:2]
    grid = merge_grid(height, width, side)
    pad = ((0, grid.rows * side - height), (0, grid.columns * side - width), (0, 0))
    tiles = np.pad(vectors, pad, mode="edge").reshape(grid.rows, side, grid.columns, side, 2)
    median = np.floor(
        np.median(tiles.transpose(0, 2, 1, 3, 4).reshape(grid.rows, grid.columns, -1, 2), axis=2)
        + 0.5
    ).astype(np.int64)
    return median.repeat(side, 0).repeat(side, 1)[:height, :width]


def _around(vectors: np.ndarray) -> np.ndarray:
    """What the four neighbours of every vector (rows, columns, 2) predict: the mean of the middle
    two, edges repeated.
    """
    padded = np.pad(vectors, ((1, 1), (1, 1), (0, 0)), mode="edge")
    four = np.sort(
        np.stack([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]), axis=0
    )
    return (four[1] + four[2]) >> 1
