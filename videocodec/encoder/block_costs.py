"""What coding a block one way or another costs, by rate and distortion, both in units of the
quantiser step.

Distortion is the squared error of the latents divided by step²; rate is in bits, estimated by
formulas whose constants were fitted to what the entropy coder really spends.  A cost is distortion
+ λ · bits.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from bitstream.v1.frame_coder import to_positions
from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent

from . import compiled
from .importance import IMPORTANCE_CLASSES, WEIGHTS

_PER_STEP = 16  # resolution of the tables of sample costs
_ROUNDING = 0.35  # at the usual λ a level is worth its bits from 0.65 steps on
_REACH = 64  # steps; larger residuals cost as much as this one
# What a sample's error can count where the encoder network's certainty has a say in it: half
# octaves from the least of ``WEIGHTS`` by the least certainty to the most by the most.
_HALF_OCTAVES = np.arange(-23, 7)


@dataclass(frozen=True)
class RateEstimates:
    """Bits of syntax elements.

    A level costs ``zero`` bits, or ``nonzero + slope · log2|level|``; intra levels have their own.
    """

    skip: float = 0.15
    residual: float = 3.0
    intra: float = 9.0
    generate: float = 6.0
    merged: tuple[float, float] = (0.4, 1.6)  # a square that moves as one; one that is split
    # the neighbours' majority; another; another than all neighbours
    direction: tuple[float, float, float] = (0.3, 2.0, 4.0)
    any_direction: float = 1.0  # on average, where the neighbours are not known yet
    same_vector: float = 0.5
    merged_vector: float = 3.5  # another candidate: temporal motion or that of a neighbour
    new_vector: float = 7.0
    vector_slope: float = 2.0
    levels: tuple[float, float, float] = (0.15, 3.2, 2.0)  # zero, nonzero, slope
    intra_levels: tuple[float, float, float] = (0.22, 2.4, 0.9)


@dataclass(frozen=True, eq=False)
class SampleTables:
    """Least costs of samples, (weights of places · C, entries) float32 each: by what errors count
    at the place, by channel, and by the distance from the prediction in steps / 16.
    """

    residual: npt.NDArray[np.float32]
    intra: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ErrorWeights:
    """What errors of one frame count.

    classes (bh, bw): of every block, classes of ``importance.WEIGHTS``.
    coarser (h, w): by what the step of every position is larger than that of the frame, None for
    nowhere.
    certainty (C, h, w): of every sample (``certainty.certainty``), None for all alike.
    """

    classes: np.ndarray
    coarser: np.ndarray | None = None
    certainty: np.ndarray | None = None


class BlockCosts:
    """λ, rates and weights of an encoder, and the costs of samples that follow from them.

    weights (C,): what an error in each channel counts, with mean 1.
    """

    def __init__(
        self, lagrangian: float, weights: np.ndarray, rates: RateEstimates = RateEstimates()
    ) -> None:
        self.lagrangian, self.weights, self.rates = lagrangian, weights, rates

    def at(self, rates: RateEstimates) -> BlockCosts:
        """The same with other bits of syntax elements, those of levels excepted."""
        other = copy(self)
        other.rates = rates
        return other

    @cached_property
    def tables(self) -> SampleTables:
        """Of samples by classes of ``importance.WEIGHTS``."""
        return self._tables(WEIGHTS)

    @cached_property
    def usual_tables(self) -> SampleTables:
        """The first of them: those of guards and regions take as long as half a frame."""
        return self._tables(WEIGHTS[:IMPORTANCE_CLASSES])

    @cached_property
    def certain_tables(self) -> SampleTables:
        """Of samples by half octaves of what their errors count."""
        return self._tables((2.0 ** (_HALF_OCTAVES / 2)).astype(np.float32))

    def _tables(self, places: np.ndarray) -> SampleTables:
        every = np.outer(places, self.weights).ravel()
        rates = self.rates
        return SampleTables(
            *(self._samples(one, every) for one in (rates.levels, rates.intra_levels))
        )

    def _samples(
        self, levels: tuple[float, float, float], weights: np.ndarray
    ) -> npt.NDArray[np.float32]:
        """Of every weight (n,) → (n, entries)."""
        zero, nonzero, slope = levels
        x = (np.arange(_REACH * _PER_STEP + 1) + 0.5) / _PER_STEP
        weight = weights.astype(np.float64)[:, None]
        costs = weight * x**2 + self.lagrangian * zero
        for level in (np.floor(x), np.floor(x) + 1):
            bits = nonzero + slope * np.log2(np.maximum(level, 1))
            coded = weight * (x - level) ** 2 + self.lagrangian * bits
            np.minimum(costs, np.where(level > 0, coded, np.inf), out=costs)
        return costs.astype(np.float32)

    def vectors(self, difference: np.ndarray) -> np.ndarray:
        """λ · bits of vectors that differ so much (…, 2) from their predictors."""
        r = self.rates
        moved = (difference != 0).any(-1)
        return self.lagrangian * np.where(
            moved,
            r.new_vector + r.vector_slope * np.log2(1.0 + np.abs(difference)).sum(-1),
            r.same_vector,
        )


def block_sums(
    plane: npt.NDArray[np.float32 | np.float64], block: int
) -> npt.NDArray[np.float32 | np.float64]:
    """(C, h, w) summed over the channels and positions of every block of ``block`` latents a side →
    (bh, bw).
    """
    height, width = plane.shape[1:]
    sums: npt.NDArray[np.float32 | np.float64] = (
        plane.sum(0).reshape(height // block, block, width // block, block).sum((1, 3))
    )
    return sums


def _half_octaves(weights: np.ndarray) -> npt.NDArray[np.int32]:
    """Which of ``_HALF_OCTAVES`` weights are nearest to, from 0."""
    nearest = np.rint(2 * np.log2(weights)).astype(np.int32) - np.int32(_HALF_OCTAVES[0])
    found: npt.NDArray[np.int32] = np.clip(nearest, 0, len(_HALF_OCTAVES) - 1)
    return found


class FrameCosts:
    """Costs of the blocks of one frame.

    target (C, h, w) float32: its latents in quantiser steps, those of every position.
    weights (C, h, w): what their squared errors count.
    block: latents a side of a block.
    quantiser: index of the step.
    """

    def __init__(
        self,
        costs: BlockCosts,
        latents: np.ndarray,
        quantiser: int,
        block: int,
        errors: ErrorWeights,
    ) -> None:
        """``latents`` (C, h, w) scaled."""
        step = np.asarray(step_latent(quantiser) * UNITS_PER_LATENT)
        if errors.coarser is not None:
            step = step * errors.coarser
        self._costs, self._scale = costs, np.asarray(1 / step, dtype=np.float32)
        self.block, self.quantiser = block, quantiser
        scale = np.asarray(UNITS_PER_LATENT / step, dtype=np.float32)
        self.target = np.asarray(latents, dtype=np.float32) * scale
        places, channels = to_positions(errors.classes.astype(np.int32), block), len(latents)
        self.weights = WEIGHTS[places] * costs.weights[:, None, None]
        if errors.certainty is not None:
            self.weights = self.weights * errors.certainty
            places = _half_octaves(WEIGHTS[places] * errors.certainty)
            self._tables = costs.certain_tables
        else:
            few = places.max() < IMPORTANCE_CLASSES
            self._tables = costs.usual_tables if few else costs.tables
        # Where the costs of samples of a channel at a position begin in the tables.
        self._rows = (
            places * channels + np.arange(channels, dtype=np.int32)[:, None, None]
        ) * self._tables.residual.shape[1]

    def in_steps(self, prediction: np.ndarray) -> np.ndarray:
        """A prediction (C, h, w) in latent units → float32 in quantiser steps."""
        return prediction.astype(np.float32) * self._scale

    def skip_and_residual(self, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(bh, bw) each: what skipping every block costs, and what coding its residual does."""
        return self._apart(prediction, self._tables.residual, self._costs.rates.residual)

    def _apart(
        self, prediction: np.ndarray, table: npt.NDArray[np.float32], bits: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same by a table of samples, and with so many bits for the mode."""
        lagrangian, rates = self._costs.lagrangian, self._costs.rates
        kernels = compiled.kernels()
        if kernels is not None and kernels.squares is not None and self.block == 1:
            scene, _, constants = self.scene
            constants = (constants[0], np.float32(lagrangian * bits), *constants[2:])
            costs = np.empty((2, prediction[0].size), dtype=np.float32)
            by_position = np.ascontiguousarray(prediction.reshape(len(prediction), -1).T)
            kernels.squares.apart(by_position, scene, table.reshape(-1), constants, costs)
            return costs[0].reshape(prediction.shape[1:]), costs[1].reshape(prediction.shape[1:])
        distance = np.abs(self.target - self.in_steps(prediction))
        error = block_sums(np.square(distance) * self.weights, self.block)
        index = np.minimum(distance * _PER_STEP, _REACH * _PER_STEP).astype(np.int32)
        lacking = block_sums(table.take(index + self._rows), self.block)
        return error + lagrangian * rates.skip, lacking + lagrangian * bits

    @staticmethod
    def quantised(residual: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """About the levels that residuals in steps are coded as."""
        levels: npt.NDArray[np.float32] = np.sign(residual) * np.floor(
            np.abs(residual) + np.float32(_ROUNDING)
        )
        return levels

    def cheapest(self, prediction: np.ndarray) -> np.ndarray:
        """(bh, bw): the less of skipping and coding the residual."""
        less: npt.NDArray[np.float64] = np.minimum(*self.skip_and_residual(prediction))
        return less

    @cached_property
    def scene(self) -> tuple[Any, ...]:
        """Of blocks of one position, for kernels: targets, weights, rows of tables and scales, each
        by position; the table; λ · bits of the modes, entries a step, and the last one.
        """
        channels, rates = len(self.target), self._costs.rates
        by_position = [
            np.ascontiguousarray(plane.reshape(channels, -1).T)
            for plane in (self.target, self.weights, self._rows)
        ]
        positions = self.target[0].size
        # A copy, since kernels take no arrays that are not to be written to.
        scale = np.broadcast_to(self._scale.reshape(-1), positions).copy()
        lagrangian = self._costs.lagrangian
        constants = (
            lagrangian * rates.skip,
            lagrangian * rates.residual,
            _PER_STEP,
            _REACH * _PER_STEP,
        )
        return (
            (*by_position, scale),
            self._tables.residual.reshape(-1),
            tuple(map(np.float32, constants)),
        )

    def cheapest_at(
        self, prediction: npt.NDArray[np.int32], positions: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.floating]:
        """The same of some blocks (n,).  prediction (C, n, block²); positions (n, block²): of what
        is in each block, flat.
        """
        channels, at = len(prediction), positions.reshape(-1)
        scale = self._scale if self._scale.ndim == 0 else self._scale.reshape(-1)[at]
        distance = prediction.reshape(channels, -1).astype(np.float32)
        distance *= scale
        np.subtract(self.target.reshape(channels, -1).take(at, 1), distance, out=distance)
        np.abs(distance, out=distance)
        error = np.square(distance)
        error *= self.weights.reshape(channels, -1).take(at, 1)
        distance *= _PER_STEP
        np.minimum(distance, _REACH * _PER_STEP, out=distance)
        index = distance.astype(np.int32)
        index += self._rows.reshape(channels, -1).take(at, 1)
        rates, lagrangian = self._costs.rates, self._costs.lagrangian
        both = error, self._tables.residual.take(index)
        skip, residual = (one.sum(0).reshape(positions.shape).sum(1) for one in both)
        less: npt.NDArray[np.floating] = np.minimum(
            skip + lagrangian * rates.skip, residual + lagrangian * rates.residual
        )
        return less

    def intra(self) -> np.ndarray:
        """(bh, bw): what coding every block by itself costs."""
        nothing = np.zeros(self.target.shape, dtype=np.int32)
        return self._apart(nothing, self._tables.intra, self._costs.rates.intra)[1]
