"""Even times: how many, and ticks that hold all of them exactly."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from videocodec.interpolation.clock import EvenTimes


@pytest.mark.parametrize(
    ("begin", "end", "rate", "count"),
    [
        (Fraction(0), Fraction(1), Fraction(60), 60),
        (Fraction(1, 25), Fraction(1), Fraction(60000, 1001), 58),
        (Fraction(-1, 3), Fraction(1), Fraction(10), 14),
        (Fraction(1), Fraction(1), Fraction(10), 0),
    ],
)
def test_times_are_even_and_whole_ticks(
    begin: Fraction, end: Fraction, rate: Fraction, count: int
) -> None:
    times = EvenTimes(begin, end, rate)
    listed = list(times)
    assert len(listed) == times.count == count
    assert all(
        seconds == begin + number / rate and begin <= seconds < end
        for number, seconds in enumerate(listed)
    )
    ticks = [times.ticks(seconds) for seconds in listed]
    assert [tick * times.time_base for tick in ticks] == listed
    assert {b - a for a, b in pairwise(ticks)} <= {times.duration}


def test_a_header_says_the_new_rate(linear_codec) -> None:
    header = EvenTimes(Fraction(1, 25), Fraction(1), Fraction(30)).header(linear_codec.header(8, 8))
    assert (header.time_base, header.frame_rate) == (Fraction(1, 150), 30)
