"""Work that threads share comes out in order, whoever did it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError
from typing import NoReturn

import pytest

from videocodec.encoder.crew import ALONE, Crew, Piece, crew_of

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


@pytest.mark.parametrize("crew", CREWS)
def test_pieces_may_be_ended_in_any_order(crew: Crew) -> None:
    pieces = [crew.begun(lambda n=n: n * n, can_wait=n % 2 == 0) for n in range(12)]
    assert [crew.ended(piece) for piece in reversed(pieces)] == [n * n for n in reversed(range(12))]


@pytest.mark.parametrize("crew", CREWS)
def test_a_piece_is_done_once_and_may_be_ended_twice(crew: Crew) -> None:
    done: list[int] = []
    piece = crew.begun(lambda: done.append(1))
    crew.ended(piece)
    crew.ended(piece)
    assert done == [1]


@pytest.mark.parametrize("crew", CREWS)
def test_what_a_piece_raises_is_raised_where_it_is_ended(crew: Crew) -> None:
    def fail() -> NoReturn:
        raise ValueError("piece")

    piece, other = crew.begun(fail), crew.begun(lambda: 2)
    with pytest.raises(ValueError, match="piece"):
        crew.ended(piece)
    assert crew.ended(other) == 2


def test_who_waits_for_a_piece_does_another_meanwhile() -> None:
    """A piece that another thread has begun ends only when the one after it has."""
    crew, begun, released = crew_of(2), threading.Event(), threading.Event()

    def first() -> bool:
        begun.set()
        return released.wait(30)

    piece = crew.begun(first)
    assert begun.wait(30)
    crew.begun(released.set)
    assert crew.ended(piece)


def test_pieces_that_can_wait_come_last() -> None:
    crew, begun, go_on = crew_of(2), threading.Event(), threading.Event()
    order: list[str] = []

    def occupy() -> None:
        begun.set()
        go_on.wait(30)

    occupied = crew.begun(occupy)
    assert begun.wait(30)
    waits = crew.begun(lambda: order.append("waits"), can_wait=True)
    hurries = crew.begun(lambda: order.append("hurries"))
    last = crew.begun(go_on.set, can_wait=True)
    crew.ended(occupied)  # this thread does the others, the last of which lets it end
    for piece in (waits, hurries, last):
        crew.ended(piece)
    assert order == ["hurries", "waits"]


def test_ctrl_c_between_taking_a_piece_and_beginning_it_leaves_nobody_waiting(monkeypatch) -> None:
    """A share of another thread's, which that waits for, and which is never done."""
    crew, this_thread, do = crew_of(2), threading.current_thread(), Piece.do
    begun, may_take = threading.Event(), threading.Event()

    def interrupted(piece: Piece) -> None:
        if threading.current_thread() is this_thread and may_take.is_set():
            raise KeyboardInterrupt
        do(piece)

    def share(item: int) -> int:
        may_take.set()
        time.sleep(0.3 * (item == 0))
        return item

    def all_shares() -> list[int]:
        begun.set()
        time.sleep(0.3)  # until this thread waits, and has time
        return crew.map(share, range(3))

    monkeypatch.setattr(Piece, "do", interrupted)
    with pytest.raises(KeyboardInterrupt), crew.helping():
        shared = crew.begun(all_shares)
        assert begun.wait(30)
        crew.ended(shared)  # takes a share meanwhile
    monkeypatch.undo()
    assert shared.done
    with pytest.raises(CancelledError):
        crew.ended(shared)
    with crew.helping():
        assert crew.map(lambda item: item, range(9)) == list(range(9))
