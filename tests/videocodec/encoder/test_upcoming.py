"""What is wanted next is made ahead, in order, and no further than it may be."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from videocodec.encoder.crew import ALONE, Crew, crew_of
from videocodec.encoder.upcoming import Upcoming

CREWS = [ALONE, crew_of(2), crew_of(4)]


def counted(count: int, made: list[int]) -> Generator[int | None, None, None]:
    """Numbers, each after two steps that make none."""
    for number in range(count):
        yield None
        yield None
        made.append(number)
        yield number


@pytest.mark.parametrize("crew", CREWS)
@pytest.mark.parametrize("count", [0, 1, 7])
def test_items_come_in_order(crew: Crew, count: int) -> None:
    assert list(Upcoming(counted(count, []), crew)) == list(range(count))


@pytest.mark.parametrize("crew", CREWS)
def test_what_making_raises_is_raised_after_the_items_before_it(crew: Crew) -> None:
    def failing() -> Generator[int | None, None, None]:
        yield from counted(3, [])
        raise ValueError("the fourth")

    items, found = Upcoming(failing(), crew), []
    with pytest.raises(ValueError, match="the fourth"):
        for item in items:
            found.append(item)
    assert found == [0, 1, 2]


@pytest.mark.parametrize("crew", CREWS)
def test_two_are_made_ahead_at_most(crew: Crew) -> None:
    made: list[int] = []
    items = Upcoming(counted(9, made), crew)
    for number in range(5):
        assert next(items) == number
        assert made[-1] <= number + 2
    items.close()


def test_one_that_is_made_is_seen_before_it_is_taken() -> None:
    items, there = Upcoming(counted(3, []), crew_of(2)), threading.Event()
    items.on_made = there.set
    assert next(items) == 0
    there.clear()
    if items.peek() is None:
        assert there.wait(30)
    assert items.peek() == 1 and next(items) == 1
    items.close()


def test_alone_nothing_is_made_ahead() -> None:
    made: list[int] = []
    items = Upcoming(counted(3, made), ALONE)
    assert next(items) == 0
    assert items.peek() is None and made == [0]


@pytest.mark.parametrize("crew", CREWS)
def test_closing_ends_the_steps(crew: Crew) -> None:
    ended: list[bool] = []

    def steps() -> Generator[int | None, None, None]:
        try:
            yield from counted(100, [])
        finally:
            ended.append(True)

    items = Upcoming(steps(), crew)
    next(items)
    items.close()
    assert ended == [True]
