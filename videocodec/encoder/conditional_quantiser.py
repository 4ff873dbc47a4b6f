"""How an encoder chooses levels around the conditional mean."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from bitstream.v1.quantiser import MAX_LEVEL, step_latent
from bitstream.v1.symbol_coder import escape_bits
from bitstream.v2.context_network import VALUE_BITS
from bitstream.v2.level_contexts import LEVEL_CLASSES, scale_bins
from bitstream.v2.pass_coder import LevelChooser, PassContext

from . import compiled

_STEP = 1 << VALUE_BITS  # in the unit of means and level sizes
_CLASSES = np.array(  # first bin, radius, and where costs begin
    [
        (one.first_bin, one.radius, sum(prod(other.shape) for other in LEVEL_CLASSES[:index]))
        for index, one in enumerate(LEVEL_CLASSES)
    ]
)
_ESCAPES = escape_bits(np.arange(MAX_LEVEL + 1))
DEAD_ZONE = 0.1  # by how much less than 0.5 a distance is rounded up from, as in training


def rounding(
    scaled: npt.NDArray[np.floating], quantiser: int, dead_zone: float = DEAD_ZONE
) -> LevelChooser:
    """Rounds the distance of scaled latents (C, h, w) from what is expected, towards it; dead_zone:
    in sizes of levels.
    """
    values = scaled.astype(np.float64) / step_latent(quantiser)

    def choose(part: PassContext) -> npt.NDArray[np.int64]:
        own = slice(part.first, part.first + part.channels)
        rest = values[own, part.rows, part.columns].T - part.mean / _STEP
        rest /= part.level_sizes / _STEP
        size = np.floor(np.abs(rest) + 0.5 - dead_zone)
        return (np.sign(rest) * size).astype(np.int64)

    return choose


class ConditionalQuantiser:
    """Chooses levels that minimise weight · error² + lagrangian · bits, both in units of the step.

    target (C, h, w) float: what values should be, in steps.
    weights (C,), places (h, w), samples (C, h, w): what errors in each channel, at each position
    and in each sample count, None for all the same.
    gains (C, h, w): by how much less this costs than values of 0 that are not sent.
    Candidates are the two levels around the target and 0; what later contexts make of them is not
    priced.
    """

    def __init__(
        self,
        target: npt.NDArray[np.floating],
        lagrangian: float,
        weights: npt.NDArray[np.floating] | None = None,
        places: npt.NDArray[np.floating] | None = None,
        samples: npt.NDArray[np.floating] | None = None,
    ) -> None:
        self._target = np.ascontiguousarray(target, dtype=np.float64)
        self._lagrangian = lagrangian
        self._weights = np.ones(len(target)) if weights is None else weights
        self._places = np.ones(target.shape[1:]) if places is None else places
        self._samples = samples
        self.gains = np.zeros(target.shape)

    def __call__(self, part: PassContext) -> npt.NDArray[np.int64]:
        """The levels of one pass, (positions, channels of the slice)."""
        kernels = compiled.kernels()
        if kernels is not None:
            return self._compiled(kernels, part)
        own = slice(part.first, part.first + part.channels)
        target = self._target[own, part.rows, part.columns].T
        weights = self._weights_of(part)
        size = part.level_sizes / _STEP
        rest = (target - part.mean / _STEP) / size
        nearest = np.rint(rest).astype(np.int64)
        best, least = nearest, np.full(rest.shape, np.inf)
        for levels in (nearest, nearest + np.where(rest > nearest, 1, -1), np.zeros_like(nearest)):
            cost = weights * (size * (rest - levels)) ** 2 + self._lagrangian * part.bits(levels)
            better = cost < least
            best, least = np.where(better, levels, best), np.where(better, cost, least)
        self.gains[own, part.rows, part.columns] = (weights * target**2 - least).T
        return best

    @property
    def counted(self) -> npt.NDArray[np.floating]:
        """What the squared error of every sample counts, (C, h, w)."""
        counted = self._weights[:, None, None] * self._places
        return counted if self._samples is None else counted * self._samples

    def _weights_of(self, part: PassContext) -> npt.NDArray[np.floating]:
        """What errors of one pass count, (positions, channels of the slice)."""
        own = slice(part.first, part.first + part.channels)
        weights = np.outer(self._places[part.rows, part.columns], self._weights[own])
        if self._samples is not None:
            weights = weights * self._samples[own, part.rows, part.columns].T
        return weights

    def _compiled(self, kernels: Any, part: PassContext) -> npt.NDArray[np.int64]:
        channels, _, width = self._target.shape
        tables = [part.tables[one.name].costs.reshape(-1) for one in LEVEL_CLASSES]
        found = np.empty(part.mean.shape, dtype=np.int64)
        sizes = np.empty(found.shape)
        sizes[:] = part.level_sizes
        kernels.levels.chosen(
            (self._target.reshape(channels, -1), self.gains.reshape(channels, -1)),
            part.first,
            part.rows * width + part.columns,
            (part.mean, scale_bins(part.log2_scale)),
            (sizes, self._weights_of(part).astype(np.float64)),
            (np.concatenate(tables), _CLASSES, _ESCAPES, self._lagrangian),
            found,
        )
        return found
