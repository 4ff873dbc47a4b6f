"""``--maxrate``: no second of video takes more than so many bits.

What counts is exactly this.  The bits of an access unit are spread evenly over its frames, and each
frame's share falls due at its timestamp.  Of any frames whose timestamps lie within less than one
second, the shares add up to at most the maximum.  That is every window [t, t + 1 s), wherever t
lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from bitstream.access_unit import AccessUnit

# Shares of the maximum that a keyframe may take for itself: a window with more in it has too little
# left for the frames around it.
_KEYFRAME_SHARE = Fraction(6, 10)
_MARGIN = Fraction(11, 10)  # of the next keyframe's size over that of this chunk's


@dataclass(frozen=True)
class FrameBits:
    """When a frame is shown (ticks), and its even share of its access unit's bits, exactly."""

    pts: int
    bits: Fraction


def frame_bits(first_pts: int, durations: Sequence[int], size: int) -> list[FrameBits]:
    """The frames of an access unit of ``size`` bytes."""
    return [
        FrameBits(pts, Fraction(8 * size, len(durations)))
        for pts in accumulate(durations[:-1], initial=first_pts)
    ]


def peak(frames: Sequence[FrameBits], time_base: Fraction, since: int | None = None) -> Fraction:
    """Most bits in a window of one second (of ``time_base`` seconds per tick) that has a frame at
    or after ``since`` in it.
    """
    second, highest, total, first = 1 / time_base, Fraction(0), Fraction(0), 0
    for frame in frames:
        total += frame.bits
        while frames[first].pts <= frame.pts - second:
            total -= frames[first].bits
            first += 1
        if since is None or frame.pts >= since:
            highest = max(highest, total)
    return highest


def tail(frames: Sequence[FrameBits], before: int, time_base: Fraction) -> tuple[FrameBits, ...]:
    """The frames that share a window of one second with a frame shown at ``before``."""
    return tuple(frame for frame in frames if before - 1 / time_base < frame.pts < before)


class PeakLimit:
    """Says what the next access unit of a chunk may take.

    maximum: bits per second.
    carry: the frames shown in the second before the chunk, if what they took is known.
    frames: how many frames the chunk has.
    is_last: whether no other chunk follows, whose keyframe needs room.
    """

    def __init__(
        self,
        maximum: int,
        time_base: Fraction,
        carry: Sequence[FrameBits],
        frames: int,
        is_last: bool,
    ) -> None:
        self._maximum, self._second = maximum, 1 / time_base
        self._past, self._left, self._is_last = list(carry), frames, is_last
        self._reserve = Fraction(0)

    def allowed(self, unit: AccessUnit) -> Fraction:
        """Bits the unit may have.

        A group may take no more than what, if the frames after it take as much, fills no window,
        and leaves room for the next keyframe; a keyframe what fills no window and leaves room for
        others.
        """
        ends = list(unit.pts)
        after = self._left - unit.frame_count
        # bits of the next keyframe, once the frames imagined after this unit reach it
        due = Fraction(0)
        allowed = Fraction(self._maximum) * (_KEYFRAME_SHARE if unit.is_keyframe else 1)
        step = unit.durations[-1]
        horizon = ends[-1] + (0 if unit.is_keyframe else self._second)
        while ends[-1] + step < horizon and not due:
            ends.append(ends[-1] + step)
            if len(ends) - unit.frame_count > after:
                if self._is_last:
                    ends.pop()
                    break
                due = self._reserve
        for index, pts in enumerate(ends):
            start = pts - self._second
            past = sum((frame.bits for frame in self._past if frame.pts > start), Fraction(0))
            is_next = due and index == len(ends) - 1
            count = sum(earlier > start for earlier in ends[: index + (not is_next)])
            if count:
                allowed = min(
                    allowed,
                    (self._maximum - past - (due if is_next else 0)) * unit.frame_count / count,
                )
        return allowed

    def add(self, unit: AccessUnit, size: int) -> None:
        """Take note of a unit of ``size`` bytes."""
        self._past += frame_bits(unit.first_pts, unit.durations, size)
        self._past = [frame for frame in self._past if frame.pts > unit.pts[-1] - self._second]
        self._left -= unit.frame_count
        if unit.is_keyframe:
            self._reserve = min(_KEYFRAME_SHARE * self._maximum, _MARGIN * 8 * size)
