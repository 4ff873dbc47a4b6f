"""Paces of a chunk: what crf each access unit is coded at, to keep to a budget of bytes, to a peak
rate, or to both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from bitstream.access_unit import AccessUnit

from .peak_rate import PeakLimit
from .settings import MAX_CRF

# Quality should not pump: a group is coded at most so far from the crf at which the whole video
# fills its budget, and so far from the group before it.
_EXCURSION = 4
_STEP = 2
# of a chunk's inter frames must be coded before what they took weighs as much as what was predicted
_TRUST = 0.1
_USUAL_SLOPE = 1 / 9  # by which a step of crf lowers log2 of the bytes, on most clips
_RECOVERY = 2  # crf steps by which a group is finer again after one that the peak rate made coarser


@dataclass(frozen=True)
class Budget:
    """What a chunk should take.

    crf: at which the whole video would fill its budget, not a whole number.  costs: bytes of every
    frame predicted for that crf; their sum is the chunk's budget.  slope: by how much log2 of the
    bytes of inter frames falls with a step of crf.
    """

    crf: float
    costs: tuple[float, ...]
    slope: float


class ConstantCrf:
    """Every unit at the same crf."""

    def __init__(self, crf: int) -> None:
        self._crf = crf

    def choose(self, frames: int) -> int:
        """crf of the next unit, of so many frames."""
        return self._crf

    def note(self, frames: int, crf: int, size: int) -> None:
        """Take note of what the unit took: bytes ``size`` at ``crf``."""


class BudgetFollower:
    """Every unit at the crf at which, by what was predicted and what the chunk took so far, the
    rest fills the rest of the budget.

    That crf is no whole number; what rounding it spends or saves is in the rest of the budget, so
    that the groups alternate.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._done = 0  # frames
        self._left = sum(budget.costs)
        self._predicted = self._taken = _TRUST * sum(budget.costs[1:])
        self._last: int | None = None
        self._choice = 0

    def choose(self, frames: int) -> int:
        """As ``ConstantCrf.choose``."""
        budget, crf = self._budget, self._budget.crf
        expected = sum(budget.costs[self._done :])
        if self._done and expected > 0 and self._predicted > 0:
            ratio = expected * self._taken / self._predicted / max(self._left, 1e-3 * expected)
            crf += max(-_EXCURSION, min(_EXCURSION, math.log2(ratio) / budget.slope))
        if self._last is not None:
            crf = max(self._last - _STEP, min(self._last + _STEP, crf))
        self._choice = max(0, min(MAX_CRF, round(crf)))
        return self._choice

    def note(self, frames: int, crf: int, size: int) -> None:
        """As ``ConstantCrf.note``."""
        if self._done:
            predicted = sum(self._budget.costs[self._done : self._done + frames])
            self._predicted += predicted * 2 ** (-self._budget.slope * (crf - self._budget.crf))
            self._taken += size
        self._left -= size
        self._done += frames
        # a peak rate may have made the unit coarser, but that is not ours to make up for
        self._last = self._choice


class ChunkPace:
    """The ``Pace`` of one chunk: a crf from ``chooser``, coarser where ``limit`` asks for it.

    crfs: that of every unit so far.
    """

    def __init__(
        self, chooser: ConstantCrf | BudgetFollower, limit: PeakLimit | None = None
    ) -> None:
        self._chooser, self._limit = chooser, limit
        self._coarser = 0
        self.crfs: list[int] = []

    @property
    def is_constant(self) -> bool:
        """As ``Pace.is_constant``."""
        return self._limit is None and isinstance(self._chooser, ConstantCrf)

    def crf(self, frames: int) -> int:
        """As ``Pace.crf``."""
        self._crf = min(MAX_CRF, self._chooser.choose(frames) + self._coarser)
        return self._crf

    def accepts(self, unit: AccessUnit) -> bool:
        """As ``Pace.accepts``."""
        size = len(unit.to_bytes())
        if self._limit is not None:
            allowed = self._limit.allowed(unit)
            if 8 * size > allowed and self._crf < MAX_CRF:
                excess = math.log2(8 * size / max(allowed, Fraction(1))) / _USUAL_SLOPE
                self._coarser += max(1, min(MAX_CRF - self._crf, math.floor(excess)))
                return False
            self._limit.add(unit, size)
            self._coarser = max(0, self._coarser - _RECOVERY)
        self._chooser.note(unit.frame_count, self._crf, size)
        self.crfs.append(self._crf)
        return True


def chunk_pace(crf: int, budget: Budget | None, limit: PeakLimit | None) -> ChunkPace:
    """At a constant crf, or else by a budget."""
    return ChunkPace(ConstantCrf(crf) if budget is None else BudgetFollower(budget), limit)
