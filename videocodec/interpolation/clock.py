"""Even times at which the frames of a stream are shown anew."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from bitstream.sequence_header import SequenceHeader


@dataclass(frozen=True)
class EvenTimes:
    """``rate`` times a second, from ``begin`` up to ``end`` (excluded), in seconds."""

    begin: Fraction
    end: Fraction
    rate: Fraction

    @property
    def count(self) -> int:
        """How many there are, perhaps more than ``len`` may return."""
        return max(0, math.ceil((self.end - self.begin) * self.rate))

    def __iter__(self) -> Iterator[Fraction]:
        return (self.begin + number / self.rate for number in range(self.count))

    @property
    def time_base(self) -> Fraction:
        """Seconds of a tick of which every time is a whole number."""
        return Fraction(1, math.lcm(self.begin.denominator, self.rate.numerator))

    @property
    def duration(self) -> int:
        """Ticks from one time to the next."""
        return int(1 / (self.rate * self.time_base))

    def ticks(self, seconds: Fraction) -> int:
        """One of the times in ticks."""
        return int(seconds / self.time_base)

    def header(self, header: SequenceHeader) -> SequenceHeader:
        """What files are told of a stream that is shown at these times."""
        return replace(header, time_base=self.time_base, frame_rate=self.rate)
