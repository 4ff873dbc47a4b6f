"""Working ahead: the same items in the same order, errors in their place, and no thread left
behind.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from bitstream.crew import Crew, has_crew, helped, invited
from videocodec.read_ahead import read_ahead


@pytest.fixture
def left_over() -> Callable[[], list[threading.Thread]]:
    """The reading threads that began since and are still alive: readers that other tests of the
    process left open have theirs.
    """
    before = set(threading.enumerate())
    return lambda: [
        thread
        for thread in threading.enumerate()
        if thread.name == "read-ahead" and thread not in before
    ]


@pytest.mark.parametrize("count", [1, 3, 100])
@pytest.mark.parametrize("helpers", [0, 2])
def test_all_items_come_in_order(count: int, helpers: int, left_over: Callable) -> None:
    """Helpers take none of them."""
    assert list(read_ahead(iter(range(20)), count, helpers)) == list(range(20))
    assert left_over() == []


def test_it_works_ahead_but_not_further_than_told(left_over: Callable) -> None:
    made, enough = [], threading.Event()

    def items() -> Iterator[int]:
        for i in range(10):
            made.append(i)
            if i == 3:
                enough.set()
            yield i

    ahead = read_ahead(items(), 2)
    assert next(ahead) == 0
    # Given out: 0.  Waiting: 1 and 2.  In hand: 3.  The rest has to wait.
    assert enough.wait(5)
    assert not threading.Event().wait(0.3) and made == [0, 1, 2, 3]
    ahead.close()
    assert left_over() == []


def test_an_error_comes_after_the_items_before_it(left_over: Callable) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    ahead = read_ahead(items(), 5)
    assert next(ahead) == 1
    with pytest.raises(OSError, match="gone"):
        next(ahead)
    assert left_over() == []


def test_leaving_the_loop_ends_the_thread(left_over: Callable) -> None:
    for item in read_ahead(iter(range(1000)), 2):
        if item == 3:
            break
    gc.collect()
    assert left_over() == []


@pytest.mark.parametrize(("there_are", "taken"), [(9, 1), (2, 2)])
def test_its_thread_helps_with_what_is_done_with_them(there_are: int, taken: int) -> None:
    """While there is no room for more, and when all are made."""
    ahead, came = read_ahead(iter(range(there_are)), 1), threading.Event()
    helpers = set[str]()

    def work() -> None:
        helpers.add(threading.current_thread().name)
        came.set()

    for _ in range(taken):
        next(ahead)
    with invited(work):
        assert came.wait(20)
    assert helpers == {"read-ahead"}
    ahead.close()
    came.clear()
    with invited(work):
        assert not came.wait(0.05)


def test_helpers_help_both_ways(left_over: Callable) -> None:
    ahead, meeting = read_ahead(iter(range(9)), 1, 2), threading.Barrier(4, timeout=20)
    next(ahead)
    with invited(meeting.wait):
        meeting.wait()  # this thread, the one that makes items, and both helpers
    ahead.close()
    assert left_over() == []


def test_who_has_a_crew_keeps_it() -> None:
    crew, done = Crew(), list[int]()
    with helped(crew):
        ahead = read_ahead(iter(range(9)), 1)
        next(ahead)
        with invited(lambda: done.append(0)):
            crew.help()
        assert done == [0]
        ahead.close()
        with invited(lambda: done.append(1)):
            crew.help()
        assert done == [0, 1]


def test_closing_elsewhere_leaves_both_threads_with_what_is_their_own(left_over: Callable) -> None:
    ahead, others, found = read_ahead(iter(range(9)), 1), Crew(), list[bool]()

    def close() -> None:
        with helped(others):
            ahead.close()
            found.append(has_crew())

    next(ahead)
    thread = threading.Thread(target=close)
    thread.start()
    thread.join()
    assert found == [True]  # the other thread has its crew still
    assert not has_crew()  # and this one's is gone
    assert left_over() == []


def test_of_two_at_once_the_other_goes_on_with_a_crew() -> None:
    first, second = read_ahead(iter(range(9)), 1), read_ahead(iter(range(9)), 1)
    assert (next(first), next(second)) == (0, 0)
    first.close()
    assert next(second) == 1
    assert has_crew()
    second.close()
    assert not has_crew()


def test_its_own_thread_may_collect_it(left_over: Callable, monkeypatch) -> None:
    """As where it holds the last reference to who takes the items."""
    unraisable = list[object]()
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    kept, may_go, gone = list[object](), threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 1
        assert may_go.wait(20)
        kept.clear()
        gone.set()
        yield 2

    kept.append(read_ahead(items(), 1))
    next(kept[0])
    may_go.set()
    assert gone.wait(20)
    for thread in left_over():
        thread.join(20)
    assert left_over() == [] and unraisable == []


def test_nothing_ahead_is_no_choice() -> None:
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        next(read_ahead(iter([]), 0))
