"""Work that is shared is all done, by whoever comes first."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Empty

import numpy as np
import pytest

from bitstream.crew import Crew, do_together, join, shares


def test_nobody_helps_without_a_crew() -> None:
    done: list[int] = []
    assert shares() == 1
    do_together([lambda: done.append(0), lambda: done.append(1)])
    assert done == [0, 1]


def test_helpers_take_shares_until_they_are_dismissed() -> None:
    crew, threads = Crew(2), set[int]()
    crew.begin()
    while crew.waiting < 2:
        pass
    meeting = threading.Barrier(3, timeout=20)

    def work() -> None:
        threads.add(threading.get_ident())
        meeting.wait()  # so each of three threads does one

    crew.do([work] * 3)
    assert len(threads) == 3 and threading.get_ident() in threads
    crew.dismiss()
    while any(thread.name == "helper" for thread in threading.enumerate()):
        pass


def test_work_that_nobody_begins_is_taken_back() -> None:
    crew, done = Crew(), list[int]()
    crew.do([lambda n=n: done.append(n) for n in range(4)])
    assert done == [0, 1, 2, 3]
    with pytest.raises(Empty):  # what was taken back is not done again
        crew.wait(0.01)
    assert done == [0, 1, 2, 3]


def test_who_waits_gets_what_was_put() -> None:
    crew, found = Crew(), list[object]()

    def work() -> None:
        join(crew)
        parts = np.zeros(100)
        for _ in range(50):
            halves = [lambda some=some: np.add(some, 1, out=some) for some in np.split(parts, 2)]
            do_together(halves)
        crew.put(parts.sum())

    thread = threading.Thread(target=work)
    thread.start()
    while not found:
        with suppress(Empty):
            found.append(crew.wait(0.05))
    thread.join()
    assert found == [5000.0]


def test_errors_of_any_share_are_raised() -> None:
    def wrong() -> None:
        raise ValueError("this one")

    for works in ([wrong, lambda: None], [lambda: None, wrong]):
        with pytest.raises(ValueError, match="this one"):
            Crew().do(works)
