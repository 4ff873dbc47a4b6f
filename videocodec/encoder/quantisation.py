"""Rate-distortion optimised quantisation of latents against the tables in use (as x264's trellis,
but greedy).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bitstream.v1.level_syntax import PassContext


class RateDistortionQuantiser:
    """Chooses levels that minimise weight · (target - level)² + lagrangian · bits, both in units of
    the step.

    ``target`` (C, h, w) float: what the levels should be, residual / step.  ``weights`` (C,): what
    errors in each channel count, with mean 1, and ``places`` (h, w): what those at each position
    do; ``samples`` (C, h, w): what those of every sample do beside; None for all the same.
    Candidates are the two integers around the target and zero, priced by the pass's own tables; the
    influence on later contexts is not priced.
    """

    def __init__(
        self,
        target: np.ndarray,
        lagrangian: float,
        weights: np.ndarray | None = None,
        places: np.ndarray | None = None,
        samples: np.ndarray | None = None,
    ) -> None:
        self._target, self._lagrangian = target, lagrangian
        self._weights = np.ones(len(target), dtype=np.float32) if weights is None else weights
        self._places = np.ones(target.shape[1:], dtype=np.float32) if places is None else places
        self._samples = samples

    def __call__(self, part: PassContext) -> npt.NDArray[np.int64]:
        """The levels of one pass, (positions, channels of the slice) int64."""
        own = slice(part.first, part.first + part.channels)
        target = self._target[own, part.rows, part.columns].T.ravel()
        nearest: npt.NDArray[np.int64] = np.rint(target).astype(np.int64)
        if self._lagrangian <= 0:
            return nearest.reshape(-1, part.channels)
        other = nearest + np.where(target > nearest, 1, -1)
        weights = np.outer(self._places[part.rows, part.columns], self._weights[own]).ravel()
        if self._samples is not None:
            weights = weights * self._samples[own, part.rows, part.columns].T.ravel()
        best: npt.NDArray[np.int64] = nearest
        best_cost = np.full(len(target), np.inf)
        for candidate in (nearest, other, np.zeros_like(nearest)):
            cost = weights * (target - candidate) ** 2 + self._lagrangian * part.bits(candidate)
            better = cost < best_cost
            best, best_cost = np.where(better, candidate, best), np.where(better, cost, best_cost)
        return best.reshape(-1, part.channels)
