"""Timestamps as they should be: strictly increasing, whatever the container said."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import av

LONGEST_STEP = 2**40  # what the bitstream can hold for one frame's duration
LONGEST_CONTAINER_STEP = 2**30  # ticks from frame to frame that an MP4 file holds
_FINEST_COARSE = 1000  # ticks per second that are fine enough


class TimestampRepair:
    """Turn the timestamps of decoded frames, in display order, into strictly increasing ones.

    Sound timestamps pass unchanged, negative ones too. A missing one becomes the previous frame's
    plus its duration (the first: 0). A repeated one, or one a little in the past, becomes one tick
    later than the frame before, so that its successors keep theirs. A fall by more than a second,
    or a leap of more than 2**40 ticks, is a clock that was restarted: time goes on from the
    previous frame, and everything after is moved with it.
    """

    def __init__(self, ticks_per_frame: int, ticks_per_second: int) -> None:
        self._nominal = max(1, ticks_per_frame)
        self._restart = max(2, ticks_per_second)
        self._shift = 0
        self._previous: int | None = None
        self._previous_duration = self._nominal

    def __call__(self, pts: int | None, duration: int) -> int:
        """Timestamp of the next frame.

        ``duration`` is what its own packet claimed, 0 when that is unknown.
        """
        expected = 0 if self._previous is None else self._previous + self._previous_duration
        if pts is None:
            repaired = expected
        else:
            repaired = pts + self._shift
            if self._previous is not None:
                step = repaired - self._previous
                if step < -self._restart or step > LONGEST_STEP:
                    self._shift += expected - repaired
                    repaired = expected
                elif step <= 0:
                    repaired = self._previous + 1
        self._previous = repaired
        self._previous_duration = self.duration_or_nominal(duration)
        return repaired

    def duration_or_nominal(self, duration: int) -> int:
        """A frame's own duration where it is usable, else one frame at the nominal rate."""
        return duration if 0 < duration <= LONGEST_STEP else self._nominal


def time_base_for(time_base: Fraction, longest_step: int) -> Fraction:
    """The time base in which a video with steps of up to ``longest_step`` ticks is counted: its
    own, or milliseconds where its own ticks are too fine for MP4 to hold such a step.
    """
    if longest_step <= LONGEST_CONTAINER_STEP or time_base >= Fraction(1, _FINEST_COARSE):
        return time_base
    return Fraction(1, _FINEST_COARSE)


def longest_step(stream: av.VideoStream) -> int:
    """Ticks between two neighbours of the container's own index, at most; 0 where it has none."""
    times = sorted(
        entry.timestamp for entry in stream.index_entries if abs(entry.timestamp) < LONGEST_STEP
    )
    return max((later - earlier for earlier, later in pairwise(times)), default=0)
