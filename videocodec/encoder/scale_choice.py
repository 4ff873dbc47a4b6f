"""Which scale shows more for the same bytes, by what a few frames came to at every one.

Between the crfs that were tried, bytes and quality are followed along straight lines over the
logarithm of the bytes, as BD-rates are worked out, too.  No torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..scaling import SCALES
from .request import RateGoal
from .settings import MAX_CRF, EncoderSettings

LEAST_SAVING = 0.04  # of the bytes: less may be an error of the trial
_APART = 10  # crf
_FIRST_LOOK = (28, 46)  # crfs, where a rate is asked for
# The crf of a scale that takes about as many bytes as one of the full size, less this.
_FINER = {0.75: 6, 0.5: 14}


@dataclass(frozen=True)
class ScaleChoice:
    """scale: of ``scaling.SCALES``.  crf: at which it takes the bytes that the asked one takes at
    full size.  savings: what every smaller scale saves of the bytes at equal quality, 0..1,
    negative where it costs.
    """

    scale: float
    crf: int
    savings: dict[float, float]

    @property
    def sentence(self) -> str:
        """What the trial found, for people."""
        found = ", ".join(
            f"{abs(share):.0%} {'fewer' if share >= 0 else 'more'} bytes at {scale:g}"
            for scale, share in self.savings.items()
        )
        return f"scale {self.scale:g} was chosen: at equal quality a few frames take {found}"


@dataclass(frozen=True)
class TrialPoint:
    """What a scale came to at a crf.

    bits: log2 of the bytes that the whole video would take.
    qualities: of the full picture, by some measures, more is better.
    """

    crf: int
    bits: float
    qualities: tuple[float, ...]


@dataclass(frozen=True)
class TrialGoal:
    """What is asked of the video.

    settings, rate: as of the encode.  frames, seconds: that it has, as far as is known.
    """

    settings: EncoderSettings
    rate: RateGoal
    frames: int
    seconds: float

    @property
    def target_bits(self) -> float | None:
        """log2 of the bytes that it may take; None at a constant crf."""
        if self.rate.target_size is not None:
            return math.log2(self.rate.target_size)
        if self.rate.bitrate is not None:
            return math.log2(self.rate.bitrate * self.seconds / 8)
        return None


Trial = Callable[[float, Sequence[int]], list[TrialPoint]]


def chosen_scale(trial: Trial, goal: TrialGoal) -> ScaleChoice:
    """The scale that a trial speaks for.

    trial: codes frames at a scale and some crfs, and says what each came to.
    """
    target, middle = goal.target_bits, goal.settings.crf
    if target is not None:
        middle = _crf_at(trial(1.0, _FIRST_LOOK), target)
    full = trial(1.0, _around(middle))
    bits = target
    if bits is None:
        bits = _line([(point.crf, point.bits) for point in full])(middle)
    crfs, savings = {1.0: goal.settings.crf}, {}
    for scale in SCALES[1:]:
        tried = trial(scale, _around(middle - _FINER[scale]))
        crfs[scale], savings[scale] = _crf_at(tried, bits), saving(full, tried, bits)
    best = max(savings, key=savings.__getitem__)
    scale = best if savings[best] >= LEAST_SAVING else 1.0
    return ScaleChoice(scale, crfs[scale], savings)


def saving(full: Sequence[TrialPoint], tried: Sequence[TrialPoint], bits: float) -> float:
    """What share of the bytes another scale saves against the full size, where it takes
    2**``bits``, on average over the measures.
    """
    ratios = []
    for measure in range(len(full[0].qualities)):
        quality = _line([(point.bits, point.qualities[measure]) for point in tried])(bits)
        equal = _line([(point.qualities[measure], point.bits) for point in full])(quality)
        ratios.append(bits - equal)
    return 1 - math.exp2(float(np.mean(ratios)))


def _crf_at(points: Sequence[TrialPoint], bits: float) -> int:
    """The crf that takes about so many bytes."""
    crf = _line([(point.bits, point.crf) for point in points])(bits)
    return min(MAX_CRF, max(0, round(crf)))


def _around(crf: int) -> tuple[int, int]:
    """Crfs to try, one on either side as far as there are any."""
    low = min(MAX_CRF - _APART, max(0, crf - _APART // 2))
    return low, low + _APART


def _line(points: Sequence[tuple[float, float]]) -> Callable[[float], float]:
    """The line nearest to some points, as a function; level through points of one place."""
    x, y = (np.array(values, dtype=float) for values in zip(*points, strict=True))
    spread = float(np.square(x - x.mean()).sum())
    slope = float(((x - x.mean()) * y).sum()) / spread if spread else 0.0
    return lambda place: float(y.mean() + slope * (place - x.mean()))
