"""Windows of one second, and what a unit may take so that none holds too much."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitstream.access_unit import AccessUnit
from bitstream.group_structure import Structure
from bitstream.sequence_header import SequenceHeader
from videocodec.encoder.peak_rate import FrameBits, PeakLimit, frame_bits, peak, tail

TICK = Fraction(1, 100)


@pytest.fixture
def header(linear_codec) -> SequenceHeader:
    return linear_codec.header(32, 32)


def unit(
    first_pts: int, durations: tuple[int, ...], header: SequenceHeader | None = None
) -> AccessUnit:
    structure = Structure.KEYFRAME if header else Structure.CHAIN
    return AccessUnit(structure, header, first_pts, durations, (20,) * len(durations), 0, b"")


def test_the_bits_of_a_unit_are_spread_evenly_over_its_frames() -> None:
    assert frame_bits(7, (4, 6, 5), 30) == [FrameBits(7, 80), FrameBits(11, 80), FrameBits(17, 80)]


def test_frames_a_whole_second_apart_share_no_window() -> None:
    assert peak([FrameBits(0, 10), FrameBits(99, 5), FrameBits(100, 7)], TICK) == 15
    assert peak([FrameBits(0, 10), FrameBits(100, 7)], TICK) == 10
    assert peak([FrameBits(0, 10), FrameBits(100, 7)], TICK, since=100) == 7


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 1000)), min_size=1, max_size=30))
def test_the_peak_is_the_fullest_window_there_is(steps: list[tuple[int, int]]) -> None:
    frames, pts = [], 0
    for step, bits in steps:
        pts += step
        frames.append(FrameBits(pts, bits))
    windows = [
        sum(f.bits for f in frames if start <= f.pts < start + 100)
        for start in range(-100, pts + 1)
    ]
    assert peak(frames, TICK) == max(windows)


def test_the_tail_is_what_shares_a_window_with_the_next_frame() -> None:
    frames = [FrameBits(pts, 1) for pts in (0, 1, 50, 99, 100, 120)]
    assert [frame.pts for frame in tail(frames, 100, TICK)] == [1, 50, 99]


MAXIMUM = 80_000


def coded_as_large_as_allowed(
    header: SequenceHeader, seed: int, shortest: int, longest: int
) -> tuple[list[FrameBits], list[float]]:
    """Three chunks of groups of any lengths, each as large as allowed → its frames, and the bytes
    for a frame of each group.

    shortest, longest: duration of a frame, ticks.
    """
    rng = np.random.default_rng(seed)
    frames: list[FrameBits] = []
    shares: list[float] = []
    carry: Sequence[FrameBits] = ()
    pts = 0
    for chunk in range(3):
        count = int(rng.integers(30, 80))
        limit = PeakLimit(MAXIMUM, TICK, carry, count, chunk == 2)
        lengths = [1]
        while sum(lengths) < count:
            lengths.append(min(int(rng.integers(1, 17)), count - sum(lengths)))
        for index, length in enumerate(lengths):
            durations = tuple(int(d) for d in rng.integers(shortest, longest + 1, length))
            this = unit(pts, durations, None if index else header)
            size = max(0, int(limit.allowed(this) / 8))
            shares.append(size / length)
            limit.add(this, size)
            frames += frame_bits(pts, durations, size)
            pts += sum(durations)
        carry = tail(frames, pts, TICK)
    return frames, shares


@pytest.mark.parametrize(("shortest", "longest"), [(4, 4), (3, 5)])
@pytest.mark.parametrize("seed", range(6))
def test_units_as_large_as_allowed_fill_nearly_a_window_and_no_more(
    header: SequenceHeader, seed: int, shortest: int, longest: int
) -> None:
    """Also across a border, where a chunk leaves room for the next keyframe."""
    frames, _ = coded_as_large_as_allowed(header, seed, shortest, longest)
    assert 0.9 * MAXIMUM < peak(frames, TICK) <= MAXIMUM


@pytest.mark.parametrize("seed", range(6))
def test_units_of_even_frames_never_starve(header: SequenceHeader, seed: int) -> None:
    _, shares = coded_as_large_as_allowed(header, seed, 4, 4)
    assert min(shares) > 0


def test_a_chunk_that_is_not_the_last_leaves_room_for_a_keyframe_like_its_own(header) -> None:
    """In the second before its end, groups share what that keyframe, with a margin of a tenth,
    leaves of the maximum.
    """
    allowed = {}
    for is_last in (False, True):
        limit = PeakLimit(10_000, TICK, (), 61, is_last)
        limit.add(unit(0, (4,), header), 500)
        for index in range(4):
            limit.add(unit(4 + 40 * index, (4,) * 10), 0)
        allowed[is_last] = limit.allowed(unit(164, (4,) * 10)), limit.allowed(unit(164, (4,) * 16))
    assert allowed[True] == (10_000 * 10 / 20, 10_000 * 16 / 20)
    assert allowed[False] == pytest.approx(
        ((10_000 - 1.1 * 8 * 500) * 10 / 20, (10_000 - 1.1 * 8 * 500) * 16 / 20)
    )


def test_what_is_allowed_is_exact_where_nothing_came_before() -> None:
    """A frame every 3 ticks: 34 of them share a window, and thirds of a bit are no float."""
    allowed = PeakLimit(10_001, TICK, (), 100, is_last=True).allowed(unit(0, (3,) * 2))
    assert isinstance(allowed, Fraction)
    assert allowed == Fraction(10_001 * 2, 34)
