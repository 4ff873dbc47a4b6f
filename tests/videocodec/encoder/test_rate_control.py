"""From the first pass to the crf that fills a budget."""

from __future__ import annotations

import numpy as np
import pytest

from videocodec.encoder.rate_control import PROBE_CRFS, ChunkPrediction, RateControl, UnitCost
from videocodec.encoder.settings import MAX_CRF


def coded(
    crf: float, key: float = 3000, group: float = 800, groups: int = 4, slope: float = 0.1
) -> list[UnitCost]:
    """A chunk of a keyframe and groups of 8 frames at a crf, by an exponential law."""
    factor = 2 ** (-slope * (crf - 32))
    return [
        UnitCost(1, round(key * factor), round(crf)),
        *[UnitCost(8, round(group * factor), round(crf))] * groups,
    ]


def prediction(**law: float) -> ChunkPrediction:
    return ChunkPrediction(*(coded(crf, **law) for crf in PROBE_CRFS))


def test_what_was_measured_is_predicted_as_it_was() -> None:
    costs = prediction().costs(PROBE_CRFS[0])
    assert costs[0] == pytest.approx(3000) and costs[1:] == pytest.approx([100] * 32)
    assert prediction().costs(PROBE_CRFS[1]).sum() == pytest.approx(
        sum(unit.size for unit in coded(PROBE_CRFS[1]))
    )


@pytest.mark.parametrize("crf", [12.0, 40.25, 58.0])
def test_solving_finds_the_crf_that_takes_the_target(crf: float) -> None:
    predictions = [prediction(), prediction(key=9000, group=2000)]
    target = sum(float(p.costs(crf).sum()) for p in predictions)
    control = RateControl(target, predictions)
    assert control.solve() == pytest.approx(crf, abs=0.01)
    budgets = control.budgets(control.solve())
    assert sum(sum(budget.costs) for budget in budgets) == pytest.approx(target, rel=1e-3)
    assert sum(budgets[1].costs) > 2 * sum(budgets[0].costs)
    assert [len(budget.costs) for budget in budgets] == [33, 33]


@pytest.mark.parametrize(("target", "limit"), [(1, MAX_CRF), (10**9, 0)])
def test_beyond_the_range_it_is_the_limit(target: float, limit: int) -> None:
    control = RateControl(target, [prediction()])
    assert control.solve() == limit
    taken = sum(unit.size for unit in coded(limit))
    assert control.is_met(limit, taken)
    (warning,) = control.warnings(limit, taken, "8 kbit/s")
    assert (
        "8 kbit/s is out of reach" in warning
        and f"crf {limit}" in warning
        and str(taken) in warning
    )


def test_a_limit_that_turns_out_to_be_none_is_tried_again() -> None:
    """At crf 63 the video takes less than was predicted, and less than it may."""
    control = RateControl(100, [prediction()])
    units = coded(MAX_CRF, key=20, group=5)
    assert not control.is_met(control.solve(), sum(unit.size for unit in units))
    control.learn(MAX_CRF, [units])
    assert control.solve() < MAX_CRF


@pytest.mark.parametrize(
    ("share", "met", "warned"), [(1.01, True, False), (0.975, False, False), (1.05, False, True)]
)
def test_two_percent_are_aimed_for_and_three_promised(
    share: float, met: bool, warned: bool
) -> None:
    control = RateControl(10_000, [prediction()])
    assert control.is_met(30.5, round(10_000 * share)) == met
    assert bool(control.warnings(30.5, round(10_000 * share), "x")) == warned


def test_a_pass_corrects_what_the_first_one_predicted() -> None:
    """The real encoder takes 1.5 times as much for keyframes, and half as much for groups, as the
    quick one.
    """
    control = RateControl(6000, [prediction()])
    for _ in range(2):
        crf = control.solve()
        units = coded(round(crf), key=4500, group=400)
        control.learn(crf, [units])
    assert (
        abs(sum(unit.size for unit in coded(control.solve(), key=4500, group=400)) / 6000 - 1)
        < 0.01
    )


def test_passes_close_in_on_what_follows_another_law() -> None:
    """A video whose bytes fall half as fast with crf as the first pass says."""
    control, tried = RateControl(12_000, [prediction()]), []
    for _ in range(4):
        tried.append(control.solve())
        units = coded(tried[-1], slope=0.05)
        control.learn(tried[-1], [units])
    assert abs(sum(unit.size for unit in coded(control.solve(), slope=0.05)) / 12_000 - 1) < 0.02


def test_units_too_small_to_tell_anything_are_no_division_by_zero() -> None:
    flat = [UnitCost(1, 40, 32), UnitCost(16, 20, 32)]
    costs = ChunkPrediction(flat, flat).costs(50.0)
    assert np.isfinite(costs).all() and (costs > 0).all()
    assert np.isfinite(ChunkPrediction(flat[:1], flat[:1]).slope)
