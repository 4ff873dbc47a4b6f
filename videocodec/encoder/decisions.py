"""Per-block decisions of an inter frame by rate and distortion, both in units of the quantiser step.

Distortion is the squared error of the latents divided by step²; rate is in bits, estimated by the formulas below, whose
constants were fitted to what the entropy coder really spends (docs/measurements.md, "Rate estimates").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitstream.block_lattice import stages
from bitstream.block_syntax import BlockFields, Direction, Mode, VectorPredictor
from bitstream.frame_coder import predict_frame
from bitstream.prediction import VECTOR_LIMIT, ReferenceFrame, average
from bitstream.quantiser import UNITS_PER_LATENT, step_latent
from bitstream.tables import CodecTables


@dataclass(frozen=True)
class RateEstimates:
    """Bits of syntax elements.  A level costs ``zero`` bits, or ``nonzero + slope · log2|level|``; intra levels have their own."""

    skip: float = 0.15
    residual: float = 3.0
    intra: float = 6.0
    generate: float = 6.0
    direction: tuple[float, float, float] = (0.2, 3.0, 6.0)  # the neighbours' majority; another; another than all neighbours
    same_vector: float = 0.3
    new_vector: float = 6.0
    vector_slope: float = 2.0
    levels: tuple[float, float, float] = (0.15, 3.2, 2.0)  # zero, nonzero, slope
    intra_levels: tuple[float, float, float] = (0.22, 2.4, 0.9)


@dataclass(frozen=True)
class _Motion:
    """Motion of every block to one reference: vectors (bh, bw, 2), prediction (C, h, w), error and λ · vector bits (bh, bw)."""

    vectors: np.ndarray
    prediction: np.ndarray
    error: np.ndarray
    vector_cost: np.ndarray


@dataclass(frozen=True)
class Decision:
    """What is to be coded for a frame: block fields, and the prediction (C, h, w) int32 they give."""

    fields: BlockFields
    prediction: np.ndarray


class BlockDecider:
    """Chooses vectors and modes of one frame after another.

    ``inpainting_gain``: what share of a generate block's error the restoration leaves; with the identity it is 1, and
    then marking a block for generation buys nothing and is never chosen.
    """

    def __init__(
        self, tables: CodecTables, block: int, lagrangian: float, inpainting_gain: float = 1.0, rates: RateEstimates = RateEstimates()
    ) -> None:
        self._tables, self._block = tables, block
        self._lagrangian, self._inpainting_gain, self._rates = lagrangian, inpainting_gain, rates

    def decide(
        self,
        target: np.ndarray,
        reference: ReferenceFrame,
        candidates: list[np.ndarray],
        previous: np.ndarray,
        quantiser: int,
        future: tuple[ReferenceFrame, list[np.ndarray]] | None = None,
    ) -> Decision:
        """``target`` (C, h, w) scaled latents; ``candidates`` vector fields (bh, bw, 2) to try beside zero; ``previous`` the
        vectors that predict blocks without a decoded neighbour; ``future``: the other reference, with its candidates."""
        step = step_latent(quantiser)
        wanted = target * UNITS_PER_LATENT
        motion = self._motion(wanted, reference, candidates, previous, step * UNITS_PER_LATENT)
        fields = BlockFields.blank(*previous.shape[:2], Mode.SKIP)
        if future is not None:
            other = self._motion(wanted, future[0], future[1], np.zeros_like(previous), step * UNITS_PER_LATENT)
            motion = self._directions(wanted, motion, other, fields, step * UNITS_PER_LATENT)
        else:
            fields.vectors[0] = motion.vectors
        r, weight = self._rates, self._lagrangian
        residual_error, residual_bits = self._levels_cost((wanted - motion.prediction) / (step * UNITS_PER_LATENT), r.levels)
        intra_error, intra_bits = self._levels_cost(target / step, r.intra_levels)
        costs = np.stack(
            [
                motion.error + weight * r.skip,
                residual_error + weight * (r.residual + residual_bits),
                self._inpainting_gain * motion.error + weight * r.generate,
                # An intra block saves its vectors, but only then: they count for it as a gain.
                intra_error + weight * (r.intra + intra_bits) - motion.vector_cost,
            ]
        )
        fields.modes[:] = costs.argmin(0)
        intra = fields.modes == Mode.INTRA
        fields.vectors[:, intra] = 0
        fields.directions[intra] = Direction.PAST
        return Decision(fields, motion.prediction)

    def _directions(self, wanted: np.ndarray, past: _Motion, future: _Motion, fields: BlockFields, step_units: float) -> _Motion:
        """Choose past, future or their average for every block; fills directions and vectors of ``fields``."""
        both = average(past.prediction, future.prediction)
        errors = np.stack([past.error, future.error, self._blocks(((wanted - both) / step_units) ** 2)])
        vector_costs = np.stack([past.vector_cost, future.vector_cost, past.vector_cost + self._mirror_cost(past.vectors, future.vectors)])
        costs, choice = errors + vector_costs, np.zeros(past.error.shape, dtype=np.int64)
        every, majority = np.arange(3)[:, None], self._lagrangian * np.array(self._rates.direction)
        for stage in stages(*choice.shape):
            votes = np.stack([((stage.gather(choice) == d) & stage.inside).sum(0) for d in Direction])
            follows = (votes.argmax(0) == every) & stage.inside.any(0)
            bits = np.where(follows, majority[0], np.where(votes.max(0) == stage.inside.sum(0), majority[2], majority[1]))
            choice.reshape(-1)[stage.blocks] = (costs.reshape(3, -1)[:, stage.blocks] + bits).argmin(0)
        fields.directions[:] = choice
        fields.vectors[0] = np.where((choice != Direction.FUTURE)[..., None], past.vectors, 0)
        fields.vectors[1] = np.where((choice != Direction.PAST)[..., None], future.vectors, 0)
        where = choice.repeat(self._block, 0).repeat(self._block, 1)
        prediction = np.choose(where[None], [past.prediction, future.prediction, both])
        pick = lambda planes: np.take_along_axis(planes, choice[None], 0)[0]  # noqa: E731
        return _Motion(past.vectors, prediction, pick(errors), pick(vector_costs))

    def _blocks(self, plane: np.ndarray) -> np.ndarray:
        """Sum a (C, h, w) array over the channels and positions of every block → (bh, bw)."""
        channels, height, width = plane.shape
        b = self._block
        return plane.reshape(channels, height // b, b, width // b, b).sum((0, 2, 4))

    def _levels_cost(self, scaled: np.ndarray, rates: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
        """Residual / step (C, h, w) → error after dead-zone quantisation and estimated bits, (bh, bw) each."""
        magnitude = np.abs(scaled)
        levels = np.floor(magnitude + 0.35)
        zero, nonzero, slope = rates
        bits = np.where(levels > 0, nonzero + slope * np.log2(np.maximum(levels, 1)), zero)
        return self._blocks((magnitude - levels) ** 2), self._blocks(bits)

    def _motion(
        self, wanted: np.ndarray, reference: ReferenceFrame, candidates: list[np.ndarray], previous: np.ndarray, step_units: float
    ) -> _Motion:
        """Vector of every block by error and vector cost, stage by stage in the order of the syntax.

        Candidates are tried everywhere at once; what a stage adds is its predictor, where that is another vector.
        """
        grid = previous.shape[:2]
        everywhere = np.ones(grid, dtype=bool)
        fields = [np.zeros_like(previous), *candidates]
        predictions = [self._predict(reference, vectors, everywhere) for vectors in fields]
        distances = [self._blocks(((wanted - prediction) / step_units) ** 2) for prediction in predictions]
        best, prediction = np.zeros_like(previous), np.zeros(wanted.shape, dtype=np.int32)
        error, vector_cost = np.zeros(grid), np.zeros(grid)
        predictor = VectorPredictor(best, everywhere, previous)
        for stage in stages(*grid):
            guess = np.zeros_like(previous)
            guess.reshape(-1, 2)[stage.blocks] = predictor.predict(stage)[0]
            in_stage = np.zeros(grid, dtype=bool)
            in_stage.reshape(-1)[stage.blocks] = True
            unseen = in_stage.copy()
            for vectors in fields:
                unseen &= (guess != vectors).any(-1)
            tries = list(zip(fields, predictions, distances))
            if unseen.any():
                moved = self._predict(reference, guess, unseen)
                tries.append((guess, moved, np.where(unseen, self._blocks(((wanted - moved) / step_units) ** 2), np.inf)))
            rates = np.stack([self._lagrangian * self._vector_bits(vectors - guess) for vectors, _, _ in tries])
            costs = np.stack([distance for _, _, distance in tries]) + rates
            choice = costs.argmin(0)
            for index, (vectors, moved, distance) in enumerate(tries):
                here = in_stage & (choice == index)
                best[here], error[here], vector_cost[here] = vectors[here], distance[here], rates[index][here]
                where = here.repeat(self._block, 0).repeat(self._block, 1)
                prediction[:, where] = moved[:, where]
        return _Motion(best, prediction, error, vector_cost)

    def _mirror_cost(self, past: np.ndarray, future: np.ndarray) -> np.ndarray:
        """λ · bits of the future vectors of averaged blocks, which are predicted as minus the past ones."""
        return self._lagrangian * self._vector_bits(future + past)

    def _predict(self, reference: ReferenceFrame, vectors: np.ndarray, where: np.ndarray) -> np.ndarray:
        fields = BlockFields.blank(*where.shape, Mode.SKIP)
        fields.vectors[0] = np.clip(vectors, -VECTOR_LIMIT, VECTOR_LIMIT)
        return predict_frame(self._tables, fields, (reference, None), self._block, where)

    def _vector_bits(self, difference: np.ndarray) -> np.ndarray:
        r = self._rates
        moved = (difference != 0).any(-1)
        return np.where(moved, r.new_vector + r.vector_slope * np.log2(1.0 + np.abs(difference)).sum(-1), r.same_vector)
