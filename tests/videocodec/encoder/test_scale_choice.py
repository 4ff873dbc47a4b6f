"""The scale that a trial speaks for, on curves that are known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from videocodec.encoder.request import RateGoal
from videocodec.encoder.scale_choice import TrialGoal, TrialPoint, chosen_scale, saving
from videocodec.encoder.settings import EncoderSettings

# By scale: log2 of the bytes at crf 0, and quality there; a doubling of the bytes gains 4.
SMALLER_IS_BETTER = {1.0: (20.0, 40.0), 0.75: (19.5, 39.0), 0.5: (18.5, 37.0)}
SMALLER_IS_WORSE = {1.0: (20.0, 40.0), 0.75: (19.5, 37.5), 0.5: (18.5, 33.0)}


class Curves:
    """A trial whose bytes halve every 12 crfs; ``asked``: what it was asked for."""

    def __init__(self, curves: dict[float, tuple[float, float]]) -> None:
        self._curves = curves
        self.asked: list[tuple[float, tuple[int, ...]]] = []

    def __call__(self, scale: float, crfs: Sequence[int]) -> list[TrialPoint]:
        self.asked.append((scale, tuple(crfs)))
        bits, quality = self._curves[scale]
        return [
            TrialPoint(crf, bits - crf / 12, (quality - crf / 3, 2 * (quality - crf / 3)))
            for crf in crfs
        ]


def goal(crf: int = 48, bitrate: float | None = None) -> TrialGoal:
    return TrialGoal(EncoderSettings(crf=crf), RateGoal(bitrate=bitrate), 250, 10.0)


def test_a_smaller_scale_at_a_crf_that_takes_as_many_bytes() -> None:
    """At crf 48 the full size has 16 bits, and quality 24; half size has 16 at crf 30, and 27."""
    choice = chosen_scale(Curves(SMALLER_IS_BETTER), goal())
    assert (choice.scale, choice.crf) == (0.5, 30)
    assert choice.savings[0.5] == pytest.approx(1 - 2 ** -(3 / 4))
    assert choice.savings[0.75] == pytest.approx(1 - 2 ** -(1 / 4))
    assert choice.sentence == (
        "scale 0.5 was chosen: at equal quality a few frames take 16% fewer bytes at 0.75, 41%"
        " fewer bytes at 0.5"
    )


def test_the_full_size_where_it_is_better() -> None:
    choice = chosen_scale(Curves(SMALLER_IS_WORSE), goal())
    assert (choice.scale, choice.crf) == (1, 48)
    assert all(share < 0 for share in choice.savings.values())


def test_too_little_to_be_sure() -> None:
    curves = {1.0: (20.0, 40.0), 0.75: (19.5, 38.1), 0.5: (18.5, 33.0)}
    choice = chosen_scale(Curves(curves), goal())
    assert 0 < choice.savings[0.75] < 0.04
    assert choice.scale == 1


def test_a_rate_is_looked_for_first() -> None:
    """2**17 bytes in 10 s are what the full size takes at crf 36."""
    trial = Curves(SMALLER_IS_BETTER)
    choice = chosen_scale(trial, goal(crf=28, bitrate=2**17 * 8 / 10))
    assert trial.asked[1] == (1.0, (31, 41))
    assert (choice.scale, choice.crf) == (0.5, 18)


def test_crfs_stay_within_their_range() -> None:
    trial = Curves(SMALLER_IS_WORSE)
    for crf in (0, 63):
        chosen_scale(trial, goal(crf))
    assert {crf for _, crfs in trial.asked for crf in crfs} <= set(range(64))


def test_measures_count_alike() -> None:
    full = [TrialPoint(0, 10.0, (30.0, 5.0)), TrialPoint(12, 9.0, (26.0, 4.0))]
    tried = [TrialPoint(0, 10.0, (34.0, 4.0)), TrialPoint(12, 9.0, (30.0, 3.0))]
    assert saving(full, tried, 9.5) == pytest.approx(0)
    assert math.isclose(saving(full, full, 9.5), 0, abs_tol=1e-9)
