"""Searches over crf: for a bitrate, and for a quality."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

_USUAL_SLOPE = -math.log(2) / 6  # of log(rate) per step of crf, until two encodes say better
_LONGEST_STEP = 12.0


@dataclass(frozen=True)
class CrfGrid:
    """The crfs that a codec takes: ``low`` to ``high`` in steps of ``step``."""

    low: float
    high: float
    step: float

    def nearest(self, crf: float) -> float:
        """The one nearest to ``crf``."""
        on_grid = self.low + round((crf - self.low) / self.step) * self.step
        return min(max(on_grid, self.low), self.high)


@dataclass(frozen=True)
class FoundCrf:
    """crf: the best one tried.  value: what it gave.  last: the crf tried last.  slope: of
    log(rate) per step of crf (of value, in a search for quality).  reached: whether the target lies
    within what crf can do.  tries: evaluations.
    """

    crf: float
    value: float
    last: float
    slope: float
    reached: bool
    tries: int


def crf_for_rate(
    rate_of: Callable[[float], float],
    target: float,
    grid: CrfGrid,
    *,
    tolerance: float,
    start: float | None = None,
    slope: float | None = None,
    most: int = 12,
) -> FoundCrf:
    """The crf whose rate is nearest to ``target``, relative; ends within ``tolerance`` of it, or
    where crf has no step left.

    rate_of: falls with crf.  start, slope: what is known of the curve already.
    """
    start = (grid.low + grid.high) / 2 if start is None else start
    best = _search(
        lambda crf: math.log(rate_of(crf)),
        math.log(target),
        grid,
        tolerance,
        start,
        slope or _USUAL_SLOPE,
        most,
    )
    return FoundCrf(
        best.crf,
        math.exp(best.value),
        best.last,
        best.slope,
        best.reached,
        best.tries,
    )


def crf_for_quality(
    quality_of: Callable[[float], float],
    target: float,
    grid: CrfGrid,
    *,
    tolerance: float,
    most: int = 14,
) -> FoundCrf:
    """The crf whose quality is nearest to ``target`` among those tried, by interpolated bisection.

    quality_of: falls with crf (give minus the figure where less is better).  tolerance: how near is
    near enough.
    """
    start = grid.low + 0.6 * (grid.high - grid.low)
    return _search(quality_of, target, grid, tolerance, start, None, most)


def _search(
    value_of: Callable[[float], float],
    target: float,
    grid: CrfGrid,
    tolerance: float,
    start: float,
    slope: float | None,
    most: int,
) -> FoundCrf:
    """``value_of`` falls with crf.

    While the target lies on one side of all tries: along the slope, at most ``_LONGEST_STEP``; then
    where the line between the nearest two on either side crosses it, or halfway when that has not
    halved their distance.
    """
    tried: dict[float, float] = {}
    crf, halve = grid.nearest(start), False
    while True:
        tried[crf] = value_of(crf)
        finer = max((c for c, value in tried.items() if value >= target), default=None)
        coarser = min((c for c, value in tried.items() if value < target), default=None)
        if finer is not None and coarser is not None and finer != coarser:
            slope = (tried[coarser] - tried[finer]) / (coarser - finer)
        elif len(tried) > 1:
            nearest = sorted(tried, key=lambda c: abs(tried[c] - target))[:2]
            slope = (tried[nearest[1]] - tried[nearest[0]]) / (nearest[1] - nearest[0])
        best = min(tried, key=lambda c: abs(tried[c] - target))
        if abs(tried[best] - target) <= tolerance or len(tried) >= most:
            break
        if finer is not None and coarser is not None:
            if coarser - finer <= grid.step:
                break
            guess = (
                (finer + coarser) / 2
                if halve or not slope or slope >= 0
                else finer + (target - tried[finer]) / slope
            )
            following = min(max(grid.nearest(guess), finer + grid.step), coarser - grid.step)
            halve = not halve and (coarser - finer) > 4 * grid.step
        else:
            distance = (
                (target - tried[best]) / slope
                if slope and slope < 0
                else math.copysign(_LONGEST_STEP, 1 if coarser is None else -1)
            )
            distance = math.copysign(
                min(max(abs(distance), grid.step), _LONGEST_STEP), 1 if coarser is None else -1
            )
            edge = max(tried) if coarser is None else min(tried)
            following = grid.nearest(edge + distance)
        if following in tried:
            break
        crf = following
    reached = abs(tried[best] - target) <= tolerance or (finer is not None and coarser is not None)
    return FoundCrf(best, tried[best], crf, slope or 0.0, reached, len(tried))
