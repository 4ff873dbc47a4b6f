"""Which frames to decode: 100:140, 3.5s:7s, as people write it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from ..errors import FrameRangeError, SettingsError
from .index import StreamIndex

_END = re.compile(r"(-?)(\d+|\d*\.\d+|\d+\.)(s?)")


@dataclass(frozen=True)
class FrameSpan:
    """A part of a stream, half open like Python's slices.

    first, stop: a frame's number (int) or a time in seconds (``Fraction``), None for the beginning
    and the end.  Negative numbers and times count from the end.  By times, the part has the frames
    that begin at or after the first and before the second, so that parts that meet share no frame.
    """

    first: int | Fraction | None
    stop: int | Fraction | None

    @classmethod
    def parse(cls, text: str) -> FrameSpan:
        """From FIRST:STOP, either of which may be left out and is a whole number, or seconds with
        an s.  Raises ``SettingsError``.
        """
        ends = text.strip().split(":")
        if len(ends) != 2:
            raise SettingsError(_malformed(text))
        return cls(*(_parse_end(end.strip(), text) for end in ends))

    @classmethod
    def of(cls, span: str | slice | range | FrameSpan) -> FrameSpan:
        """From text, or from a slice or range of frame numbers without gaps.

        Raises ``SettingsError``.
        """
        if isinstance(span, str):
            return cls.parse(span)
        if isinstance(span, slice | range):
            if span.step not in (None, 1):
                raise SettingsError(f"frames must be without gaps, got a step of {span.step}")
            return cls(span.start, span.stop)
        return span

    def __str__(self) -> str:
        return ":".join(
            "" if end is None else f"{float(end):g}s" if isinstance(end, Fraction) else str(end)
            for end in (self.first, self.stop)
        )

    def resolve(self, index: StreamIndex) -> range:
        """The frames of a stream.

        Raises ``FrameRangeError``, with how many there are, for a part that it does not have.
        """
        first = self._number(index, self.first, 0)
        stop = self._number(index, self.stop, len(index))
        if first >= stop:
            raise FrameRangeError(f"{index.name}: no frame lies in {self}: {_extent(index)}")
        return range(first, stop)

    def _number(self, index: StreamIndex, end: int | Fraction | None, default: int) -> int:
        if end is None:
            return default
        if isinstance(end, Fraction):
            base = index.header.time_base
            begin, close = (ticks * base for ticks in (int(index.pts[0]), index.end_of(-1)))
            time = close + end if end < 0 else end
            if not begin <= time <= close:
                raise FrameRangeError(f"{index.name}: {self} goes beyond it: {_extent(index)}")
            return sum(1 for ticks in index.pts.tolist() if ticks * base < time)
        number = end + len(index) if end < 0 else end
        if not 0 <= number <= len(index):
            raise FrameRangeError(f"{index.name}: {self} goes beyond it: {_extent(index)}")
        return number


def _extent(index: StreamIndex) -> str:
    return (
        f"it has {len(index)} frames, 0 to {len(index) - 1}, from {index.pts_seconds[0]:g} s up to"
        f" {index.end_seconds:g} s"
    )


def _parse_end(end: str, text: str) -> int | Fraction | None:
    if not end:
        return None
    match = _END.fullmatch(end)
    if match is None or (not match[3] and "." in match[2]):
        raise SettingsError(_malformed(text))
    value = Fraction(match[2].rstrip(".")) if match[3] else int(match[2])
    return -value if match[1] else value


def _malformed(text: str) -> str:
    return (
        f"must be FIRST:STOP in frames or seconds, such as 100:140, 3.5s:7s or 100:, got {text!r}"
    )
