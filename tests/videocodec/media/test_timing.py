"""TimestampRepair: sound timestamps pass, everything else becomes strictly increasing."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from videocodec.media.timing import LONGEST_STEP, TimestampRepair


def repaired(*pts: int | None, duration: int = 0) -> list[int]:
    clock = TimestampRepair(ticks_per_frame=10, ticks_per_second=250)
    return [clock(time, duration) for time in pts]


def test_sound_timestamps_pass() -> None:
    assert repaired(-30, -20, 0, 1, 1000, 90000) == [-30, -20, 0, 1, 1000, 90000]


def test_missing_ones_follow_the_duration() -> None:
    assert repaired(None, None, None) == [0, 10, 20]
    assert repaired(5, None, None, duration=7) == [5, 12, 19]


def test_repeated_and_slightly_late_ones_do_not_move_their_successors() -> None:
    assert repaired(0, 10, 10, 5, 40, 50) == [0, 10, 11, 12, 40, 50]


def test_restarted_clock_goes_on_from_where_it_was() -> None:
    assert repaired(5000, 5010, 0, 10, 20) == [5000, 5010, 5020, 5030, 5040]
    assert repaired(0, 10, LONGEST_STEP * 4, LONGEST_STEP * 4 + 10) == [0, 10, 20, 30]


@given(
    st.lists(
        st.tuples(st.none() | st.integers(-(2**60), 2**60), st.integers(-5, 2**41)), max_size=30
    )
)
def test_always_strictly_increasing_with_steps_the_format_holds(times) -> None:
    clock = TimestampRepair(ticks_per_frame=10, ticks_per_second=250)
    result = [clock(pts, duration) for pts, duration in times]
    assert all(0 < later - earlier <= LONGEST_STEP for earlier, later in itertools.pairwise(result))
