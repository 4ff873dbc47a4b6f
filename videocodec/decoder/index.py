"""Where every frame of a stream is, by the headers of its access units alone."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from bitstream.container import StreamReader
from bitstream.errors import BitstreamError, ContainerError

from ..errors import DamagedFrameError, FrameRangeError
from .scanning import check_unchanged, scan
from .timeline import arrange

BUILD_ON = "they build on"


@dataclass(frozen=True)
class IndexEntry:
    """One access unit.

    number: 0.. in display order.
    first_frame, frame_count: the frames it holds, numbered in display order.
    pts, duration: ticks of the header's time base.
    bytes: its size.
    position: of its first byte in the file.
    is_keyframe: whether decoding can start there.
    damage: why its frames cannot be decoded, None while nothing is known against it.
    sample: its number in the file, which is another one only where units are missing, repeated or
    out of order; None for one that is missing, which has no bytes.
    """

    number: int
    first_frame: int
    frame_count: int
    pts: int
    duration: int
    bytes: int
    position: int
    is_keyframe: bool
    damage: str | None
    sample: int | None

    @property
    def frames(self) -> range:
        """Numbers of its frames."""
        return range(self.first_frame, self.first_frame + self.frame_count)

    @property
    def name(self) -> str:
        """For messages."""
        return "missing access unit" if self.sample is None else f"access unit {self.sample}"


class StreamIndex:
    """All access units of a stream, and the times of all its frames.

    Units are in display order, and where some are damaged or missing, frames keep their numbers and
    times (``timeline.arrange``).  The frames that build on a damaged unit are marked with it, up to
    the next keyframe.

    name: of the file, for messages.  units: an ``IndexEntry`` for each access unit.
    irregularities: a line on everything that was put right without loss: units that are repeated or
    out of order, a size to show pictures at that cannot be.  header: the first sequence header that
    can be relied on.  pts, durations (n,) int64: ticks of every frame, in display order;
    pts_seconds (n,) float64 the same in seconds, and end_seconds when the last frame ends.
    problem: what is wrong with the file as a whole (cut short), None if nothing is.

    Raises ``ContainerError`` if there is no access unit at all, or one contradicts the others.
    """

    def __init__(self, reader: StreamReader) -> None:
        self.name = str(reader.path)
        scanned, self.problem = scan(reader)
        if not scanned:
            raise ContainerError(f"{self.name}: {self.problem or 'there is no access unit in it'}")
        self.header = next(
            (unit.header for unit in scanned if unit.header is not None), reader.header
        )
        for unit in scanned:
            try:
                check_unchanged(self.header, unit.header)
            except BitstreamError as error:
                raise ContainerError(f"{self.name}: access unit {unit.number}: {error}") from error
        timeline = arrange(scanned)
        self.irregularities = timeline.irregularities
        if reader.size_problem:
            self.irregularities.append(reader.size_problem)
        if not timeline.units:
            raise ContainerError(
                f"{self.name}: no access unit in it is intact, and none says for how long it is"
                " shown"
            )
        self.units: list[IndexEntry] = []
        pts: list[int] = []
        durations: list[int] = []
        for number, unit in enumerate(timeline.units):
            lengths = unit.durations
            entry = IndexEntry(
                number,
                len(pts),
                len(lengths),
                unit.pts,
                sum(lengths),
                unit.bytes,
                unit.position,
                unit.is_keyframe,
                unit.damage,
                unit.number,
            )
            self.units.append(entry)
            pts += np.cumsum([unit.pts, *lengths[:-1]]).tolist()
            durations += lengths
        self.pts, self.durations = (
            np.array(pts, dtype=np.int64),
            np.array(durations, dtype=np.int64),
        )
        # Through fractions: these must be the very numbers that frames have.
        self.pts_seconds = np.array([float(ticks * self.header.time_base) for ticks in pts])
        self.end_seconds = float((pts[-1] + durations[-1]) * self.header.time_base)
        self._first_frames = [unit.first_frame for unit in self.units]
        self._keyframe_units = [unit.number for unit in self.units if unit.is_keyframe]
        if self.units[0].damage is None and not self.units[0].is_keyframe:
            self.units[0] = replace(
                self.units[0], damage="the keyframe that it builds on is missing"
            )
        self._spread_damage()

    def __len__(self) -> int:
        """How many frames there are."""
        return len(self.pts)

    @property
    def keyframes(self) -> list[int]:
        """Numbers of the frames that decoding can start at."""
        return [self.units[number].first_frame for number in self._keyframe_units]

    def end_of(self, frame: int) -> int:
        """Tick at which a frame ends, as Python's integer: in damaged files it may need more than
        64 bits.
        """
        return int(self.pts[frame]) + int(self.durations[frame])

    def unit_of(self, frame: int) -> IndexEntry:
        """The access unit that holds a frame (0..n - 1)."""
        return self.units[bisect_right(self._first_frames, frame) - 1]

    def gop_of(self, unit: int) -> range:
        """Numbers of the access units from the keyframe that ``unit`` builds on up to the next
        keyframe.
        """
        place = bisect_right(self._keyframe_units, unit)
        begin = self._keyframe_units[place - 1] if place else 0
        return range(
            begin,
            self._keyframe_units[place] if place < len(self._keyframe_units) else len(self.units),
        )

    def frame_at_seconds(self, seconds: float) -> int:
        """Number of the frame that is shown at a time, in seconds of the stream's clock.

        Raises ``FrameRangeError``.
        """
        if not self.pts_seconds[0] <= seconds < self.end_seconds:
            raise FrameRangeError(
                f"{self.name}: nothing is shown at {seconds:g} s: its {len(self)} frames last from"
                f" {self.pts_seconds[0]:g} s up to {self.end_seconds:g} s"
            )
        return int(np.searchsorted(self.pts_seconds, seconds, side="right")) - 1

    def frame_at_pts(self, pts: int | Fraction) -> int:
        """Number of the frame that is shown at a time in ticks.  Raises ``FrameRangeError``."""
        if not self.pts[0] <= pts < self.end_of(-1):
            raise FrameRangeError(
                f"{self.name}: nothing is shown at tick {pts}: its {len(self)} frames last from"
                f" tick {self.pts[0]} up to {self.end_of(-1)}"
            )
        return int(np.searchsorted(self.pts, math.floor(pts), side="right")) - 1

    def mark_damaged(self, unit: int, reason: str) -> None:
        """Frames of an access unit, and of those after it that build on it, cannot be decoded."""
        self.units[unit] = replace(self.units[unit], damage=reason)
        for number in range(unit + 1, self.gop_of(unit).stop):
            if self.units[number].damage is not None:
                return  # and so are all after it
            self.units[number] = _builds_on(self.units[unit], self.units[number])

    def _spread_damage(self) -> None:
        """From every damaged unit to those that build on it: in one pass, for there may be as many
        as a stranger likes.
        """
        cause: IndexEntry | None = None
        for entry in list(self.units):
            if entry.is_keyframe:
                cause = None
            if entry.damage is not None:
                cause = cause or entry
            elif cause is not None:
                self.units[entry.number] = _builds_on(cause, entry)

    def damage_at(self, frame: int) -> DamagedFrameError | None:
        """The error that a frame (0..n - 1) raises, None if nothing is known against it."""
        unit = self.unit_of(frame)
        if unit.damage is None:
            return None
        after = self.gop_of(unit.number).stop
        resumes_at = self.units[after].first_frame if after < len(self.units) else None
        reason = f"{unit.name}: {unit.damage}"
        return DamagedFrameError(self.name, unit.first_frame, unit.frames[-1], reason, resumes_at)

    def lost_run(self, frame: int) -> range:
        """The lost frames around a lost one (0..n - 1), without a gap."""
        first = last = self.unit_of(frame).number
        while first > 0 and self.units[first - 1].damage is not None:
            first -= 1
        while last + 1 < len(self.units) and self.units[last + 1].damage is not None:
            last += 1
        return range(self.units[first].first_frame, self.units[last].frames.stop)

    def lost_runs(self) -> Iterator[range]:
        """All runs of lost frames, in display order."""
        frame = 0
        while frame < len(self):
            unit = self.unit_of(frame)
            run = unit.frames if unit.damage is None else self.lost_run(frame)
            if unit.damage is not None:
                yield run
            frame = run.stop

    @property
    def damage(self) -> str | None:
        """The first thing that is wrong, None if nothing is known against the stream."""
        damaged = next((unit for unit in self.units if unit.damage), None)
        if damaged is not None:
            return f"{damaged.name}: {damaged.damage}"
        return self.problem or next(iter(self.irregularities), None)


def _builds_on(damaged: IndexEntry, entry: IndexEntry) -> IndexEntry:
    cause = "one that is missing" if damaged.sample is None else f"{damaged.name}, which is damaged"
    return replace(entry, damage=f"{BUILD_ON} {cause}")


# Fields that all keyframes of a stream have alike (FORMAT.md, section 10 for the version).
