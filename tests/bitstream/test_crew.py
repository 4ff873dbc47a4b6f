"""Those who wait do the work that they are invited to, and nobody waits for them."""

from __future__ import annotations

import gc
import threading
import weakref
from contextlib import suppress
from queue import Empty

import pytest

from bitstream.crew import Crew, help_others, helped, invited, join, lend


def test_nobody_comes_without_a_crew() -> None:
    done: list[int] = []
    with invited(lambda: done.append(0)):
        done.append(1)
    assert done == [1]


def test_helpers_come_until_they_are_dismissed() -> None:
    crew, threads = Crew(2), set[int]()
    crew.begin()
    meeting, met = threading.Barrier(3, timeout=20), threading.Event()

    def work() -> None:
        threads.add(threading.get_ident())
        if not met.is_set():  # else somebody comes a second time
            meeting.wait()
            met.set()

    with helped(crew), invited(work):
        work()
    assert len(threads) == 3 and threading.get_ident() in threads
    crew.dismiss()
    while any(thread.name == "helper" for thread in threading.enumerate()):
        pass


def test_crews_share_helpers() -> None:
    one, came = Crew(1), threading.Event()
    other = Crew(like=one)
    one.begin()
    with helped(other), invited(came.set):
        assert came.wait(20)
    came.clear()
    with helped(one), invited(came.set):
        assert came.wait(20)
    other.dismiss()
    while any(thread.name == "helper" for thread in threading.enumerate()):
        pass


def test_invitations_that_nobody_takes_up_are_withdrawn() -> None:
    crew, done = Crew(), list[int]()
    for number in range(4):
        with helped(crew), invited(lambda n=number: done.append(n)):
            pass
    with pytest.raises(Empty):
        crew.wait(0.01)
    assert done == []


def test_of_invitations_that_nobody_takes_up_nothing_is_kept() -> None:
    class Board:
        """What the work holds."""

    crew, board = Crew(), Board()
    kept = weakref.ref(board)
    with helped(crew), invited(lambda board=board: None):
        pass
    del board
    gc.collect()
    assert kept() is None


def test_helpers_begin_anew_after_they_were_dismissed() -> None:
    crew, came = Crew(1), threading.Event()
    crew.begin()
    crew.dismiss()
    while any(thread.name == "helper" for thread in threading.enumerate()):
        pass
    crew.begin()
    with helped(crew), invited(came.set):
        assert came.wait(20)
    crew.dismiss()


def test_who_waits_comes_and_gets_what_was_put() -> None:
    crew, found, came = Crew(), list[object](), threading.Event()

    def work() -> None:
        join(crew)
        for _ in range(50):
            came.clear()
            with invited(came.set):
                assert came.wait(20)
        crew.put("all")

    thread = threading.Thread(target=work)
    thread.start()
    while not found:
        with suppress(Empty):
            found.append(crew.wait(0.05))
    thread.join()
    assert found == ["all"]


def test_what_was_put_is_for_who_waits_and_not_for_helpers() -> None:
    crew = Crew(2)
    crew.begin()
    for number in range(100):
        crew.put(number)
    assert [crew.wait(20) for _ in range(100)] == list(range(100))
    crew.dismiss()


def test_who_lends_itself_comes_when_it_says_so() -> None:
    crew, done = Crew(), list[int]()
    help_others()
    lend(crew)
    help_others()
    with helped(crew), invited(lambda: done.append(0)):
        assert done == []
        help_others()
        help_others()  # each invitation is taken up once
        assert done == [0]
    lend(None)
    with helped(crew), invited(lambda: done.append(1)):
        help_others()
    assert done == [0]
