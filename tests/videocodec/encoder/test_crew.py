"""Work that threads share comes out in order, whoever did it."""

from __future__ import annotations

import threading
from typing import NoReturn

import pytest

from videocodec.encoder.crew import ALONE, Crew, crew_of

CREWS = [crew_of(1), crew_of(2), crew_of(5)]


def test_one_thread_is_alone() -> None:
    assert crew_of(1) is ALONE and crew_of(2) is not ALONE


@pytest.mark.parametrize("crew", CREWS)
@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_results_are_in_order(crew: Crew, count: int) -> None:
    assert crew.map(lambda item: item * item, range(count)) == [n * n for n in range(count)]


def test_threads_work_at_the_same_time() -> None:
    """Neither of two pieces ends before the other has begun."""
    both = threading.Barrier(2, timeout=30)
    assert sorted(crew_of(2).map(lambda item: item + 0 * both.wait(), [1, 2])) == [1, 2]


@pytest.mark.parametrize("crew", CREWS)
def test_shared_work_may_be_shared_again(crew: Crew) -> None:
    def sums(item: int) -> int:
        return sum(crew.map(lambda other: item * other, range(4)))

    assert crew.map(sums, range(6)) == [6 * n for n in range(6)]


@pytest.mark.parametrize("crew", CREWS)
def test_what_work_raises_is_raised(crew: Crew) -> None:
    def fail(item: int) -> NoReturn:
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item"):
        crew.map(fail, [1, 2, 3])
