"""The vectors of a frame to one reference, by rate and distortion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bitstream.v1.block_lattice import Stage, middle_and_spread, stages
from bitstream.v1.motion_vectors import keys_of
from bitstream.v1.prediction import ReferenceFrame

from .candidates import Candidate, CandidateSearch
from .merging import Partition

# Where blocks cost no more than so many bits there is nothing to gain by moving them.
_WORTH_REFINING = 12
_BITS_OF_A_PIXEL = 2  # that a vector about one pixel longer takes, more or less
_STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))


@dataclass(frozen=True)
class Motion:
    """What was chosen to one reference: the field, its prediction and costs, and λ · bits of the
    vectors (bh, bw), at the leaders.
    """

    chosen: Candidate
    vector_costs: np.ndarray


class _Canvas:
    """A choice of candidates while it is made, block by block."""

    def __init__(self, search: CandidateSearch, vectors: np.ndarray, cost: float) -> None:
        """``vectors`` (bh, bw, 2), ``cost``: of blocks that nothing was chosen for."""
        self.vectors, self.cost = vectors, np.full(search.grid, cost)
        self.prediction, self._search = search.blank(), search

    def take(self, blocks: np.ndarray, option: Candidate) -> None:
        """Blocks (bh, bw) bool from a candidate."""
        self.vectors[blocks], self.cost[blocks] = option.vectors[blocks], option.cost[blocks]
        self._search.take(self.prediction, blocks, option.prediction)

    def candidate(self) -> Candidate:
        """What was taken so far."""
        return Candidate(self.vectors, self.prediction, self.cost)


@dataclass(frozen=True)
class Predictors:
    """What the syntax predicts the vectors of a stage from, each spread over the blocks led by the
    stage's leaders: ``guess`` (bh, bw, 2), and those that a vector may be merged with.
    """

    blocks: np.ndarray  # (bh, bw) bool
    guess: np.ndarray
    merges: list[np.ndarray]


@dataclass(frozen=True)
class _Try:
    """A candidate for the whole frame, its sums over merged blocks, its vectors as keys, and where
    merged blocks can have it (bh, bw).
    """

    candidate: Candidate
    sums: np.ndarray
    keys: np.ndarray
    usable: np.ndarray

    @classmethod
    def of(cls, candidate: Candidate, partition: Partition) -> _Try:
        """Under a partition."""
        sums = partition.sums(candidate.cost)
        keys = keys_of(candidate.vectors)
        return cls(candidate, sums, keys, partition.shared(np.isfinite(sums)))


class VectorChooser:
    """Chooses vectors to one reference of a frame.

    Candidates are tried everywhere at once; what a stage of the syntax adds are its predictor and,
    if ``merges``, the vectors it can merge with.  ``refinements``: rounds in which vectors are
    moved by a pixel.
    """

    def __init__(
        self,
        search: CandidateSearch,
        partition: Partition,
        reference: ReferenceFrame,
        *,
        merges: bool,
        refinements: int,
    ) -> None:
        self._search, self._partition, self._reference = search, partition, reference
        self._merges, self._refinements = merges, refinements

    def choose(
        self,
        candidates: Sequence[Candidate],
        temporal: np.ndarray,
        derived: Candidate | None = None,
    ) -> Motion:
        """Vectors of all merged blocks by cost of the latents and of the vector, stage by stage in
        the order of the syntax.  ``temporal`` (bh, bw, 2): what motion of another frame predicts;
        ``derived``: of the blocks that have nothing to choose.
        """
        tries = [_Try.of(option, self._partition) for option in self._tries(candidates)]
        known = [(each.candidate, each.sums) for each in tries]
        grid = self._search.grid
        canvas = _Canvas(self._search, np.zeros_like(temporal), 0.0)
        vector_costs = np.zeros(grid)
        if derived is not None:
            canvas.take(self._partition.derived, derived)
        for stage in stages(*grid):
            leading = self._partition.leads[stage.blocks]
            if not leading.any():
                continue
            predictors = self._predictors(stage, leading, canvas.vectors, temporal)
            options = [*known, *self._new_options(predictors, tries)]
            rates = [self._rate(option.vectors, predictors) for option, _ in options]
            totals = np.stack([total for _, total in options]) + np.stack(rates)
            choice = self._partition.shared(totals.argmin(0))
            for index, (option, _) in enumerate(options):
                taken = predictors.blocks & (choice == index)
                if taken.any():
                    canvas.take(taken, option)
                    vector_costs[taken] = rates[index][taken]
            self._note(predictors, canvas.vectors)
        return Motion(canvas.candidate(), vector_costs)

    def _predictors(
        self, stage: Stage, leading: np.ndarray, chosen: np.ndarray, temporal: np.ndarray
    ) -> Predictors:
        """Of the leaders of a stage, ``leading`` (n,) bool, after the stages before it."""
        blocks = stage.blocks[leading]
        around, expected = stage.select(leading).gather(chosen), temporal.reshape(-1, 2)[blocks]
        guess, _ = middle_and_spread(around, stage.inside[:, leading], expected)
        spread = self._partition.spread
        return Predictors(
            self._partition.led_by(blocks),
            spread(blocks, guess),
            [spread(blocks, vectors) for vectors in (expected, *around)],
        )

    def _new_options(
        self, predictors: Predictors, tries: Sequence[_Try]
    ) -> list[tuple[Candidate, np.ndarray]]:
        """Candidates, with their sums, for what the syntax predicts and nobody has tried yet."""
        asked: list[tuple[np.ndarray, np.ndarray]] = []
        predicted = [predictors.guess, *predictors.merges] if self._merges else [predictors.guess]
        for vectors in predicted:
            unseen, keys = predictors.blocks.copy(), keys_of(vectors)
            for known in tries:
                unseen &= (keys != known.keys) | ~known.usable
            for field, where in asked:
                unseen &= (keys != keys_of(field)) | ~where
            if unseen.any():
                asked.append((vectors, unseen))
        if not asked:
            return []
        options = self._search.candidates_at(self._reference, asked)
        return [(option, self._partition.sums(option.cost)) for option in options]

    def _note(self, predictors: Predictors, vectors: np.ndarray) -> None:
        """Vectors (bh, bw, 2) of a stage are chosen."""

    def _rate(self, vectors: np.ndarray, predictors: Predictors) -> np.ndarray:
        """λ · bits of vectors (bh, bw, 2) in a stage."""
        merged = np.stack([(vectors == merge).all(-1) for merge in predictors.merges]).any(0)
        rate = self._search.vector_costs(vectors - predictors.guess)
        merged_rate = self._search.lagrangian * self._search.rates.merged_vector
        return np.where(merged, np.minimum(rate, merged_rate), rate)

    def _tries(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates as merged blocks can have them, and refined ones."""
        tries = [self._restricted(candidate) for candidate in dict.fromkeys(candidates)]
        for _ in range(self._refinements):
            refined = self._refined(tries)
            if refined is None:
                break
            tries.append(refined)
        return tries

    def _restricted(self, candidate: Candidate) -> Candidate:
        """A candidate without the blocks whose vector is another than their leader's."""
        keys = keys_of(candidate.vectors)
        differs = self._partition.shared(keys) != keys
        if not differs.any():
            return candidate
        shared = self._partition.shared(candidate.vectors)
        return Candidate(shared, candidate.prediction, np.where(differs, np.inf, candidate.cost))

    def _refined(self, tries: Sequence[Candidate]) -> Candidate | None:
        """The best candidate of all merged blocks moved by a pixel in the direction that pays most,
        or None if none pays.
        """
        sums, shared = self._partition.sums, self._partition.shared
        lagrangian = self._search.lagrangian
        totals = np.stack([sums(candidate.cost) for candidate in tries])
        choice = shared(totals.argmin(0))[None]
        start = np.take_along_axis(np.stack([c.vectors for c in tries]), choice[..., None], 0)[0]
        best = np.take_along_axis(np.stack([c.cost for c in tries]), choice, 0)[0]
        active = shared(sums(best) > _WORTH_REFINING * lagrangian)
        if not active.any():
            return None
        least, canvas = totals.min(0), _Canvas(self._search, start.copy(), np.inf)
        asked = [(start + np.array(step), active) for step in _STEPS]
        for option in self._search.candidates_at(self._reference, asked):
            total = sums(np.where(active, option.cost, 0)) + lagrangian * _BITS_OF_A_PIXEL
            better = shared(active & (total < least))
            least = np.minimum(least, np.where(active, total, np.inf))
            canvas.take(better, option)
        return canvas.candidate() if np.isfinite(canvas.cost).any() else None
