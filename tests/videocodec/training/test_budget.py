"""Budgets: what ends a training, and what its schedule follows."""

from __future__ import annotations

import pytest

from videocodec.training.budget import Budget


def test_the_first_limit_that_is_reached_ends_the_training() -> None:
    budget = Budget(steps=10, pixels=1000, minutes=2)
    assert not budget.is_spent(9, 999, 1.9)
    assert budget.is_spent(10, 0, 0) and budget.is_spent(0, 1000, 0) and budget.is_spent(0, 0, 2.0)


def test_schedules_follow_counts_where_there_are_any_and_minutes_otherwise() -> None:
    assert Budget(steps=10, minutes=1).progress(5, minutes=0.9) == 0.5
    assert Budget(steps=10, pixels=100).progress(2, 70) == 0.7
    assert Budget(minutes=4).progress(1000, minutes=1) == 0.25
    assert Budget(minutes=4).progress(0, minutes=9) == 1.0


def test_a_part_is_a_share_of_every_limit() -> None:
    assert Budget(100, None, 3.0).part(0.5) == Budget(50, None, 1.5)
    assert Budget(1).part(0.1) == Budget(1)


@pytest.mark.parametrize("limits", [{}, {"steps": 0}, {"pixels": -1}, {"minutes": float("nan")}])
def test_impossible_limits_are_refused(limits: dict) -> None:
    with pytest.raises(ValueError, match="must be above 0|needs a limit"):
        Budget(**limits)
