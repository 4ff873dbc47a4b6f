"""One clock for all tracks of a recording whose own clock leaps or falls back.

Broadcast streams (MPEG-TS above all) are cut and joined byte for byte.  Each part then has a clock
of its own, and every track changes from one to the next at a packet of its own.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import av
from av.packet import Packet
from av.stream import Stream

_Kind = TypeVar("_Kind", bound=Stream)

LONGEST_GAP = Fraction(10)  # seconds; a longer one is a clock that leaps, as ffmpeg and mpv have it
_LARGEST_FALL = Fraction(1, 10)  # seconds; a smaller one is jitter of one track
_CLOCK_MAY_CHANGE = 0x0200  # AVFMT_TS_DISCONT of FFmpeg's formats
_TIMED_KINDS = ("video", "audio")  # whose packets say how late it is; others follow


@dataclass
class _Span:
    """What one track has of one part, seconds by the part's own clock."""

    begin: Fraction
    end: Fraction


@dataclass
class _Part:
    """A piece of the recording with one clock: its tracks, by index."""

    tracks: dict[int, _Span] = field(default_factory=dict)

    def fits(self, *times: Fraction) -> bool:
        """Whether one of the times goes on from what is there, or lies in it."""
        spans = self.tracks.values()
        begin, end = min(span.begin for span in spans), max(span.end for span in spans)
        return any(begin - LONGEST_GAP <= time <= end + LONGEST_GAP for time in times)


@dataclass(frozen=True)
class Clock:
    """By how much each packet of a file is to be moved.

    changes: for each track by index, the numbers of the packets (counted in the track, from 0) that
    are the first of a part, and the number of that part.
    shifts: seconds to add to the times of each part; the first part's is 0.
    joints: seconds, after repair, at which parts but the first begin.
    """

    changes: dict[int, tuple[list[int], list[int]]] = field(default_factory=dict)
    shifts: list[Fraction] = field(default_factory=lambda: [Fraction(0)])
    joints: list[Fraction] = field(default_factory=list)

    def repaired(self, packets: Iterable[Packet[_Kind]]) -> Iterator[Packet[_Kind]]:
        """The packets that ``demux`` gives of some tracks, from the file's beginning, with their
        times moved.
        """
        if not self.joints:
            yield from packets
            return
        counts: dict[int, int] = {}
        for packet in packets:
            index = packet.stream.index
            if packet.size and index in self.changes:
                number = counts.get(index, 0)
                counts[index] = number + 1
                firsts, parts = self.changes[index]
                _move(packet, self.shifts[parts[bisect_right(firsts, number) - 1]])
            yield packet


def clock_of(path: str | Path) -> Clock:
    """The clock of a file: of one whose format allows clocks to change, after reading all its
    packets once, without decoding them; of any other one that changes nothing.

    Raises what ``av.open`` raises.  Where packets cannot be read any more, the clock ends.
    """
    facts = os.stat(path)
    return _read(os.path.abspath(path), facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: str, size: int, changed: int) -> Clock:
    """``size`` and ``changed``, as ``os.stat`` gives them, tell one content from another."""
    with av.open(path, metadata_errors="replace") as container:
        if not container.format.flags & _CLOCK_MAY_CHANGE:
            return Clock()
        scan = _Scan()
        try:
            for packet in container.demux():
                if packet.size:
                    scan.add(packet)
        except av.FFmpegError:
            pass  # whoever reads it for its content meets the same error
    return scan.clock()


class _Scan:
    """Sorts packets into parts."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self._part_of: dict[int, int] = {}  # the part in which a track is
        self._last: dict[int, tuple[Fraction, Fraction]] = {}  # its last time, and the end of that
        self._counts: dict[int, int] = {}
        self._changes: dict[int, tuple[list[int], list[int]]] = {}

    def add(self, packet: Packet[Stream]) -> None:
        index = packet.stream.index
        number = self._counts.get(index, 0)
        self._counts[index] = number + 1
        if packet.dts is None:
            return
        time, length = packet.dts * packet.time_base, (packet.duration or 0) * packet.time_base
        is_timed = packet.stream.type in _TIMED_KINDS
        shown = time if packet.pts is None else packet.pts * packet.time_base
        part = self._choose(index, time, shown, is_timed)
        if part is None:
            return
        if self._part_of.get(index) != part:
            firsts, parts = self._changes.setdefault(index, ([], []))
            firsts.append(number if firsts else 0)
            parts.append(part)
            self._part_of[index] = part
        elif not length:
            length = max(Fraction(0), time - self._last[index][0])
        self._last[index] = time, time + length
        if is_timed:
            tracks = self._parts[part].tracks
            span = tracks.setdefault(index, _Span(shown, shown))
            span.begin, span.end = min(span.begin, shown), max(span.end, shown + length)

    def _choose(self, index: int, time: Fraction, shown: Fraction, is_timed: bool) -> int | None:
        """The part that a packet belongs to; None for one that says nothing before there is one."""
        newest, present = len(self._parts) - 1, self._part_of.get(index)
        if newest >= 0 and self._goes_on(index, time, shown, present, newest):
            return present
        if newest >= 0 and present != newest and self._parts[newest].fits(time, shown):
            return newest
        if not is_timed:
            return present if present is not None or newest < 0 else newest
        self._parts.append(_Part())
        return newest + 1

    def _goes_on(
        self, index: int, time: Fraction, shown: Fraction, present: int | None, newest: int
    ) -> bool:
        """Whether a packet goes on in the part in which its track is.

        While other tracks are further already, it must follow closely: demuxers hold the last
        packet of a track back until the next one comes.
        """
        if present is None:
            return False
        before, end = self._last[index]
        if time < before - _LARGEST_FALL:
            return False
        if present != newest:
            return time <= end + _LARGEST_FALL
        return self._parts[present].fits(time, shown)

    def clock(self) -> Clock:
        shifts, joints = [Fraction(0)], []
        for before, after in zip(self._parts, self._parts[1:], strict=False):
            steps = [
                before.tracks[index].end - span.begin
                for index, span in after.tracks.items()
                if index in before.tracks
            ]
            begin = min(span.begin for span in after.tracks.values())
            end = max(span.end for span in before.tracks.values())
            shifts.append(shifts[-1] + (max(steps) if steps else end - begin))
            joints.append(begin + shifts[-1])
        return Clock(self._changes, shifts, joints)


def _move(packet: Packet[_Kind], seconds: Fraction) -> None:
    ticks = round(seconds / packet.time_base)
    if packet.pts is not None:
        packet.pts += ticks
    if packet.dts is not None:
        packet.dts += ticks
