"""Curves of quality over rate: Bjøntegaard deltas, hulls, crossings.  Nothing is extrapolated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from .analysis_schema import DeltaEntry

FEWEST_RUNGS = 3
SWING = 0.05  # the way back, as a share of the range, that an interpolated curve may go
_CROSSING_SAMPLES = 512


@dataclass(frozen=True, eq=False)
class Curve:
    """Rungs of one codec on one clip from the lowest rate to the highest: rates in kbit/s, quality
    such that more is better.
    """

    rates: npt.NDArray[np.float64]
    quality: npt.NDArray[np.float64]

    @classmethod
    def of(cls, rungs: Iterable[tuple[float, float]]) -> Curve:
        """From pairs of rate and quality in any order; the same pair twice counts once."""
        rates, quality = np.array(sorted(set(rungs)), dtype=np.float64).reshape(-1, 2).T
        return cls(rates, quality)

    @property
    def is_monotonic(self) -> bool:
        """Whether more bytes always gave more quality."""
        return bool(np.all(np.diff(self.rates) > 0) and np.all(np.diff(self.quality) > 0))

    def rate_at(self, quality: float) -> float | None:
        """Rate for that quality, its logarithm interpolated linearly; None outside the curve."""
        if not len(self.rates) or not self.quality[0] <= quality <= self.quality[-1]:
            return None
        return float(self.rates_within(np.array(quality)))

    def rates_within(self, qualities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Rates for qualities that the curve reaches, as ``rate_at``."""
        return np.exp(np.interp(qualities, self.quality, np.log(self.rates)))

    def quality_at(self, rate: float) -> float:
        """Quality at that rate, linear in its logarithm, and constant beyond the ends."""
        return float(np.interp(np.log(rate), np.log(self.rates), self.quality))


@dataclass(frozen=True)
class Delta:
    """A Bjøntegaard delta, or why there is none.

    overlap: the share of the tested curve's range that the reference has too.
    side: without overlap, whether the tested curve is better or worse all along.
    """

    value: float | None
    overlap: float = 0.0
    reason: str | None = None
    side: Literal["better", "worse"] | None = None

    def to_dict(self) -> DeltaEntry:
        """For JSON."""
        return cast("DeltaEntry", asdict(self))


def bd_rate(tested: Curve, reference: Curve, below: float = np.inf, above: float = 0.0) -> Delta:
    """Percent of bytes that ``tested`` takes more (less, if negative) than ``reference`` at equal
    quality (Akima interpolation).

    below, above: kbit/s; only the qualities that ``tested`` reaches with rates between.
    """
    if (reason := _refusal(tested, reference)) is not None:
        return Delta(None, reason=reason)
    if tested.rates[0] >= below:
        return Delta(None, reason=f"never below {below:g} kbit/s")
    if tested.rates[-1] <= above:
        return Delta(None, reason=f"never above {above:g} kbit/s")
    worst = tested.quality_at(max(above, tested.rates[0]))
    best = tested.quality_at(min(below, tested.rates[-1]))
    low, high = max(worst, reference.quality[0]), min(best, reference.quality[-1])
    if low >= high:
        return _beyond(best, reference)
    mean = _mean_difference(
        reference.quality,
        np.log10(reference.rates),
        tested.quality,
        np.log10(tested.rates),
        low,
        high,
    )
    if isinstance(mean, str):
        return Delta(None, reason=mean)
    return Delta(float(100 * (10**mean - 1)), float((high - low) / (best - worst)))


def _beyond(best: float, reference: Curve) -> Delta:
    """Why there is no BD-rate where the tested curve ends at ``best`` without overlap."""
    if best <= reference.quality[0]:
        return Delta(None, reason="no overlap", side="worse")
    return Delta(None, reason="no overlap", side="better")


def bd_quality(tested: Curve, reference: Curve, below: float = np.inf, above: float = 0.0) -> Delta:
    """Quality that ``tested`` has more (less, if negative) than ``reference`` at equal rate, in the
    unit of the curves.  below, above: kbit/s, the rates to look at.
    """
    if (reason := _refusal(tested, reference)) is not None:
        return Delta(None, reason=reason)
    low, high = (
        max(tested.rates[0], reference.rates[0], above),
        min(tested.rates[-1], reference.rates[-1], below),
    )
    if low >= high:
        return Delta(None, reason="no overlap")
    low, high = np.log10(low), np.log10(high)
    mean = _mean_difference(
        np.log10(reference.rates),
        reference.quality,
        np.log10(tested.rates),
        tested.quality,
        low,
        high,
    )
    if isinstance(mean, str):
        return Delta(None, reason=mean)
    return Delta(
        float(mean), float((high - low) / (np.log10(tested.rates[-1]) - np.log10(tested.rates[0])))
    )


def mean_rate_saved(tested: Curve, reference: Curve) -> float | None:
    """kbit/s that ``tested`` takes less at equal quality, as the mean over the qualities that both
    reach; None where they have none.
    """
    if _refusal(tested, reference) is not None:
        return None
    low, high = (
        max(tested.quality[0], reference.quality[0]),
        min(tested.quality[-1], reference.quality[-1]),
    )
    if low >= high:
        return None
    levels = np.linspace(low, high, 101)
    return float(np.mean(reference.rates_within(levels) - tested.rates_within(levels)))


def crossings(tested: Curve, reference: Curve) -> list[tuple[float, bool]]:
    """Rates in kbit/s at which one overtakes the other in quality, within the rates of both, and
    whether ``tested`` leads from there on.
    """
    for curve in (tested, reference):
        if len(curve.rates) < 2 or not np.all(np.diff(curve.rates) > 0):
            return []
    low, high = max(tested.rates[0], reference.rates[0]), min(tested.rates[-1], reference.rates[-1])
    if low >= high:
        return []
    rates = np.geomspace(low, high, _CROSSING_SAMPLES)
    lead = np.array([tested.quality_at(rate) - reference.quality_at(rate) for rate in rates])
    crossings = []
    for index in np.flatnonzero(np.sign(lead[:-1]) * np.sign(lead[1:]) < 0):
        share = lead[index] / (lead[index] - lead[index + 1])
        crossings.append(
            (
                float(rates[index] * (rates[index + 1] / rates[index]) ** share),
                bool(lead[index + 1] > 0),
            )
        )
    return crossings


def convex_hull(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the points on the upper convex hull of quality over rate, from the lowest rate to
    the highest quality.
    """
    hull: list[int] = []
    for index in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        if hull and points[index][1] <= points[hull[-1]][1]:
            continue
        while len(hull) > 1 and _is_below(points[hull[-1]], points[hull[-2]], points[index]):
            hull.pop()
        hull.append(index)
    return hull


def _is_below(
    point: tuple[float, float], left: tuple[float, float], right: tuple[float, float]
) -> bool:
    """Whether ``point`` lies on or below the line from ``left`` to ``right``."""
    return (point[1] - left[1]) * (right[0] - left[0]) <= (right[1] - left[1]) * (
        point[0] - left[0]
    )


def _refusal(tested: Curve, reference: Curve) -> str | None:
    if min(len(tested.rates), len(reference.rates)) < FEWEST_RUNGS:
        return "too few rungs"
    if not (tested.is_monotonic and reference.is_monotonic):
        return f"not monotonic ({'reference' if tested.is_monotonic else 'tested'})"
    return None


def _mean_difference(
    x_reference: npt.NDArray[np.float64],
    y_reference: npt.NDArray[np.float64],
    x_tested: npt.NDArray[np.float64],
    y_tested: npt.NDArray[np.float64],
    low: float,
    high: float,
) -> float | str:
    """Mean of y of tested less that of reference over [low, high] of x, by the interpolators of the
    package bjontegaard; or why not: where rungs lie close together, a smooth curve through
    monotonic points can swing far beyond them, and its mean is no figure of anything.
    """
    from bjontegaard import bd_linear

    _, of_reference, of_tested = bd_linear(
        x_reference,
        y_reference,
        x_tested,
        y_tested,
        method="akima",
        require_matching_points=False,
        interpolators=True,
        min_overlap=0,
    )
    levels = np.linspace(low, high, _CROSSING_SAMPLES)
    for name, curve in (("tested", of_tested), ("reference", of_reference)):
        heights = curve(levels)
        if -np.minimum(np.diff(heights), 0).sum() > SWING * np.ptp(heights):
            return f"interpolation not monotonic ({name})"
    return float(
        (of_tested.integrate(low, high) - of_reference.integrate(low, high)) / (high - low)
    )
