"""``--bitrate`` and ``--target-size``: the one crf at which a video fills its budget, found by
coding it more than once.

The first pass codes every chunk quickly at two values of crf.  Between and beyond them the bytes of
a frame are taken to change by a constant factor from step to step, so a sum over all frames says
what any crf would take, and bisection what crf the budget asks for.  Every chunk's share of the
budget is what it takes at that crf: quality stays even over the video, as in the second pass of
x264.  The next pass codes at that crf, following the budget inside each chunk
(``pace.BudgetFollower``). If all chunks together still miss it, what they really took corrects the
prediction, and they are coded again, at most three times.

All decisions rest on results of whole passes, so they do not depend on how many processes shared
the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..presets import Preset
from .pace import Budget
from .settings import MAX_CRF

PROBE_CRFS = (32, 52)
PROBE_PRESET: Preset = "fast"  # the first pass takes this one, or the user's own if that is faster
MOST_ATTEMPTS = 4
TOLERANCE = 0.02  # a pass that misses by no more is good; the promise is 0.03
_PROMISE = 0.03
_BISECTIONS = 40
_SLOPES = (1 / 40, 1 / 3)  # of log2(bytes) per step of crf: between these, whatever a probe says


@dataclass(frozen=True)
class UnitCost:
    """What an access unit took: its frames, its bytes, the crf it was coded at."""

    frames: int
    size: int
    crf: int


class ChunkPrediction:
    """Bytes of every frame of a chunk as a function of crf."""

    def __init__(self, fine: Sequence[UnitCost], coarse: Sequence[UnitCost]) -> None:
        """The same chunk coded at the two values of ``PROBE_CRFS``, keyframe first."""
        per_frame = np.log2(
            [
                [unit.size / unit.frames for unit in units for _ in range(unit.frames)]
                for units in (fine, coarse)
            ]
        )
        span = PROBE_CRFS[1] - PROBE_CRFS[0]
        self._base = per_frame[0]
        self._slopes = np.clip((per_frame[0] - per_frame[1]) / span, *_SLOPES)
        # crf of a pass, and log2 of what frames took in it over the prediction
        self._lessons: list[tuple[float, np.ndarray]] = []
        sums = [sum(unit.size for unit in units[1:]) for units in (fine, coarse)]
        self.slope = (
            float(np.clip(np.log2(sums[0] / sums[1]) / span, *_SLOPES))
            if min(sums) > 0
            else _SLOPES[1]
        )

    def costs(self, crf: float) -> npt.NDArray[np.float64]:
        """Bytes of every frame (n,) at one crf."""
        costs: npt.NDArray[np.float64] = np.exp2(
            self._base - self._slopes * (crf - PROBE_CRFS[0]) + self._correction(crf)
        )
        return costs

    def correct(self, crf: float, units: Sequence[UnitCost]) -> None:
        """Learn from a pass for that crf, in which every unit was coded at one close to it."""
        lesson, first = np.zeros(len(self._base)), 0
        for unit in units:
            part = slice(first, first := first + unit.frames)
            predicted = np.exp2(self._base - self._slopes * (unit.crf - PROBE_CRFS[0]))[part].sum()
            lesson[part] = np.log2(unit.size / predicted)
        self._lessons.append((crf, lesson))

    def _correction(self, crf: float) -> np.ndarray:
        """Between two passes what lies between their lessons, else the lesson of the nearer one."""
        below = max(
            (lesson for lesson in self._lessons if lesson[0] <= crf),
            key=lambda lesson: lesson[0],
            default=None,
        )
        above = min(
            (lesson for lesson in self._lessons if lesson[0] > crf),
            key=lambda lesson: lesson[0],
            default=None,
        )
        if below is None or above is None:
            nearest = below or above
            return np.zeros_like(self._base) if nearest is None else nearest[1]
        share = (crf - below[0]) / (above[0] - below[0])
        return (1 - share) * below[1] + share * above[1]


class RateControl:
    """Finds the crf of a video for a budget of ``target`` bytes, from predictions for all its
    chunks in order.
    """

    def __init__(self, target: float, predictions: Sequence[ChunkPrediction]) -> None:
        self.target = target
        self._predictions = predictions

    def solve(self) -> float:
        """The crf, 0..63 and no whole number, at which the predictions add up to the target; the
        limit if none does.
        """
        low, high = 0.0, float(MAX_CRF)
        for limit, beyond in (
            (low, self._predicted(low) <= self.target),
            (high, self._predicted(high) >= self.target),
        ):
            if beyond:
                return limit
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._predicted(middle) > self.target else (low, middle)
        return round((low + high) / 2, 4)

    def budgets(self, crf: float) -> list[Budget]:
        """What every chunk should take at that crf."""
        return [
            Budget(
                crf,
                tuple(round(float(cost), 3) for cost in prediction.costs(crf)),
                round(prediction.slope, 6),
            )
            for prediction in self._predictions
        ]

    def is_met(self, crf: float, taken: int) -> bool:
        """Whether a pass at ``crf`` that took ``taken`` bytes in all is close enough, or as close
        as crf can come.
        """
        return abs(taken / self.target - 1) <= TOLERANCE or _out_of_reach(crf, taken, self.target)

    def warnings(self, crf: float, taken: int, described: str) -> tuple[str, ...]:
        """What to tell the user of the pass that was kept; ``described`` names the target."""
        share = 100 * taken / self.target
        if abs(taken / self.target - 1) <= _PROMISE:
            return ()
        if _out_of_reach(crf, taken, self.target):
            extreme = "coarsest" if crf else "finest"
            return (
                (
                    f"{described} is out of reach: crf {crf:.0f}, the {extreme}, takes {taken}"
                    f" bytes of video, {share:.0f} % of it"
                ),
            )
        return (f"{described} was missed: the video takes {taken} bytes, {share:.0f} % of it",)

    def learn(self, crf: float, chunks: Sequence[Sequence[UnitCost]]) -> None:
        """Correct all predictions by what the chunks took in a pass for that crf."""
        for prediction, units in zip(self._predictions, chunks, strict=True):
            prediction.correct(crf, units)

    def _predicted(self, crf: float) -> float:
        return sum(float(prediction.costs(crf).sum()) for prediction in self._predictions)


def _out_of_reach(crf: float, taken: int, target: float) -> bool:
    return (crf >= MAX_CRF and taken > target) or (crf <= 0 and taken < target)
