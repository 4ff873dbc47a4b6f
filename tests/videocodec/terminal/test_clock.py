"""Time in a player: frames on time or not at all."""

from __future__ import annotations

import math

import pytest

from videocodec.terminal.clock import PlayClock

TIMES = [index / 10 for index in range(30)]


@pytest.fixture
def clock() -> PlayClock:
    """30 frames of a tenth of a second."""
    return PlayClock(TIMES, 3.0)


def shown(clock: PlayClock, now: float) -> int:
    clock.advance(now)
    return clock.frame


def test_it_plays_at_true_speed_and_drops_what_comes_too_late(clock: PlayClock) -> None:
    clock.toggle(100.0)
    assert clock.playing and clock.seconds_to_next(100.0) == pytest.approx(0.1)
    assert [shown(clock, now) for now in (100.05, 100.11, 100.35, 101.26)] == [0, 1, 3, 12]
    assert clock.seconds_to_next(101.26) == pytest.approx(0.04)


def test_it_waits_for_a_picture_that_was_not_there_unless_it_plays_faster_than_life(
    clock: PlayClock,
) -> None:
    clock.wait(99.0)  # paused, nothing changes
    clock.toggle(100.0)
    assert shown(clock, 100.25) == 2
    clock.wait(101.0)
    assert [shown(clock, now) for now in (101.05, 101.15, 101.35)] == [2, 3, 5]
    clock.set_speed(2.0, 101.4)
    assert shown(clock, 101.51) == 7
    clock.wait(102.01)
    assert shown(clock, 102.01) == 17


def test_it_pauses_at_the_end_and_begins_anew_from_there(clock: PlayClock) -> None:
    clock.toggle(0.0)
    assert (
        shown(clock, 99.0) == 29 and not clock.playing and clock.seconds_to_next(99.0) == math.inf
    )
    clock.toggle(100.0)
    assert shown(clock, 100.25) == 2


def test_steps_pause_and_stop_at_both_ends(clock: PlayClock) -> None:
    clock.toggle(0.0)
    clock.step(1)
    assert (clock.frame, clock.playing) == (1, False)
    clock.step(-5)
    assert clock.frame == 0
    clock.step(99)
    assert clock.frame == 29


def test_jumps_are_by_time_and_playing_goes_on_from_there(clock: PlayClock) -> None:
    clock.jump(1.0, 0.0)
    assert clock.frame == 10
    clock.toggle(50.0)
    clock.jump(-0.5, 60.0)
    assert clock.frame == 5 and shown(clock, 60.21) == 7
    clock.jump(5.0, 61.0)
    assert clock.frame == 29


def test_the_speed_changes_from_where_it_is_and_has_limits(clock: PlayClock) -> None:
    clock.toggle(0.0)
    assert shown(clock, 0.51) == 5
    clock.set_speed(2.0, 0.51)
    assert shown(clock, 0.77) == 10
    clock.set_speed(0.001, 1.0)
    assert clock.speed == 0.1
    clock.set_speed(99, 1.0)
    assert clock.speed == 4.0


def test_a_loop_runs_between_two_marks_whichever_came_first(clock: PlayClock) -> None:
    clock.seek(12, 0.0)
    clock.mark()
    clock.seek(10, 0.0)
    clock.mark()
    assert (clock.loop_begin, clock.loop_end) == (10, 12)
    clock.toggle(0.0)
    assert [shown(clock, now) for now in (0.05, 0.25, 0.31, 0.42)] == [10, 12, 10, 11]
    clock.mark()
    assert (clock.loop_begin, clock.loop_end) == (None, None)
    assert shown(clock, 1.0) > 12


def test_uneven_frames_last_as_long_as_they_last() -> None:
    clock = PlayClock([5.0, 5.1, 7.0], 7.5)
    clock.toggle(0.0)
    assert [shown(clock, now) for now in (0.05, 0.15, 1.9, 2.05)] == [0, 1, 1, 2]
