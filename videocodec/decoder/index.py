"""Where every frame of a stream is, by the headers of its access units alone."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.container import Sample, StreamReader
from bitstream.errors import BitstreamError, ContainerError
from bitstream.group_structure import MAX_FRAMES
from bitstream.sequence_header import MAGIC, SequenceHeader

from ..errors import DamagedFrameError, FrameRangeError


@dataclass(frozen=True)
class IndexEntry:
    """One access unit.

    number: 0.. in the file.  first_frame, frame_count: the frames it holds, numbered in display order.  pts, duration: ticks of the
    header's time base.  bytes: its size; position: of its first byte in the file.  is_keyframe: whether decoding can start there.
    damage: why its frames cannot be decoded, None while nothing is known against it.
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

    @property
    def frames(self) -> range:
        """Numbers of its frames."""
        return range(self.first_frame, self.first_frame + self.frame_count)


@dataclass(frozen=True)
class _Scanned:
    """What one look at an access unit says: as ``IndexEntry``, and the sequence header of an intact keyframe."""

    number: int
    pts: int
    durations: tuple[int, ...]
    bytes: int
    position: int
    is_keyframe: bool
    damage: str | None
    header: SequenceHeader | None


class StreamIndex:
    """All access units of a stream, and the times of all its frames.

    A damaged access unit counts as many frames as its header says or, where all others come at one steady rate, as its duration in the
    container says.  The frames that build on it are marked with it, up to the next keyframe.

    name: of the file, for messages.  units: an ``IndexEntry`` for each access unit.  header: the first sequence header that can be
    relied on.  pts, durations (n,) int64: ticks of every frame, in display order; pts_seconds (n,) float64 the same in seconds, and
    end_seconds when the last frame ends.  problem: what is wrong with the file as a whole (cut short), None if nothing is.

    Raises ``ContainerError`` if there is no access unit at all, or one contradicts the others.
    """

    def __init__(self, reader: StreamReader) -> None:
        self.name = str(reader.path)
        self.problem: str | None = None
        scanned = list(self._scan(reader))
        if not scanned:
            raise ContainerError(f"{self.name}: {self.problem or 'there is no access unit in it'}")
        self.header = next((unit.header for unit in scanned if unit.header is not None), reader.header)
        for unit in scanned:
            try:
                check_unchanged(self.header, unit.header)
            except BitstreamError as error:
                raise ContainerError(f"{self.name}: access unit {unit.number}: {error}") from error
        steady = {duration for unit in scanned if unit.damage is None for duration in unit.durations}
        step = steady.pop() if len(steady) == 1 else None
        self.units: list[IndexEntry] = []
        pts: list[int] = []
        durations: list[int] = []
        for unit in scanned:
            lengths = unit.durations if unit.damage is None else _guessed_durations(unit, step)
            entry = IndexEntry(
                unit.number, len(pts), len(lengths), unit.pts, sum(lengths), unit.bytes, unit.position, unit.is_keyframe, unit.damage
            )  # fmt: skip
            self.units.append(entry)
            pts += np.cumsum([unit.pts, *lengths[:-1]]).tolist()
            durations += lengths
        self.pts, self.durations = np.array(pts, dtype=np.int64), np.array(durations, dtype=np.int64)
        # Through fractions: these must be the very numbers that frames have.
        self.pts_seconds = np.array([float(ticks * self.header.time_base) for ticks in pts])
        self.end_seconds = float((pts[-1] + durations[-1]) * self.header.time_base)
        self._first_frames = [unit.first_frame for unit in self.units]
        self._keyframe_units = [unit.number for unit in self.units if unit.is_keyframe]
        for unit in scanned:
            if unit.damage is not None:
                self.mark_damaged(unit.number, unit.damage)

    def __len__(self) -> int:
        """How many frames there are."""
        return len(self.pts)

    @property
    def keyframes(self) -> list[int]:
        """Numbers of the frames that decoding can start at."""
        return [self.units[number].first_frame for number in self._keyframe_units]

    def unit_of(self, frame: int) -> IndexEntry:
        """The access unit that holds a frame (0..n - 1)."""
        return self.units[bisect_right(self._first_frames, frame) - 1]

    def group_of(self, unit: int) -> range:
        """Numbers of the access units from the keyframe that ``unit`` builds on up to the next keyframe."""
        place = bisect_right(self._keyframe_units, unit)
        begin = self._keyframe_units[place - 1] if place else 0
        return range(begin, self._keyframe_units[place] if place < len(self._keyframe_units) else len(self.units))

    def frame_at_seconds(self, seconds: float) -> int:
        """Number of the frame that is shown at a time, in seconds of the stream's clock.  Raises ``FrameRangeError``."""
        if not self.pts_seconds[0] <= seconds < self.end_seconds:
            raise FrameRangeError(
                f"{self.name}: nothing is shown at {seconds:g} s: its {len(self)} frames last from {self.pts_seconds[0]:g} s up to "
                f"{self.end_seconds:g} s"
            )
        return int(np.searchsorted(self.pts_seconds, seconds, side="right")) - 1

    def frame_at_pts(self, pts: int | Fraction) -> int:
        """Number of the frame that is shown at a time in ticks.  Raises ``FrameRangeError``."""
        if not self.pts[0] <= pts < self.pts[-1] + self.durations[-1]:
            raise FrameRangeError(
                f"{self.name}: nothing is shown at tick {pts}: its {len(self)} frames last from tick {self.pts[0]} up to "
                f"{self.pts[-1] + self.durations[-1]}"
            )
        return int(np.searchsorted(self.pts, pts, side="right")) - 1

    def mark_damaged(self, unit: int, reason: str) -> None:
        """Frames of an access unit, and of those after it that build on it, cannot be decoded."""
        for number in range(unit, self.group_of(unit).stop):
            if self.units[number].damage is None or number == unit:
                because = reason if number == unit else f"they build on access unit {unit}, which is damaged"
                self.units[number] = replace(self.units[number], damage=because)

    def damage_at(self, frame: int) -> DamagedFrameError | None:
        """The error that a frame (0..n - 1) raises, None if nothing is known against it."""
        unit = self.unit_of(frame)
        if unit.damage is None:
            return None
        after = self.group_of(unit.number).stop
        resumes_at = self.units[after].first_frame if after < len(self.units) else None
        reason = f"access unit {unit.number}: {unit.damage}"
        return DamagedFrameError(self.name, unit.first_frame, unit.frames[-1], reason, resumes_at)

    def _scan(self, reader: StreamReader) -> Iterator[_Scanned]:
        samples = reader.units()
        while True:
            try:
                sample = next(samples, None)
            except ContainerError as error:
                self.problem = str(error).removeprefix(f"{reader.path}: ")
                return
            if sample is None:
                return
            yield _look_at(sample)


def check_unchanged(first: SequenceHeader, header: SequenceHeader | None) -> None:
    """Pictures of one size and one model all through: files glued together from others may break that (``BitstreamError``)."""
    for name in () if header is None else ("width", "height", "block_log2", "time_base", "model_sha256"):
        if getattr(header, name) != getattr(first, name):
            raise BitstreamError(f"{name} changes from {getattr(first, name)} to {getattr(header, name)}: split the file there")


def _look_at(sample: Sample) -> _Scanned:
    data = sample.data
    try:
        unit = AccessUnit.parse(data)
    except BitstreamError as error:
        is_keyframe = data[1 : 1 + len(MAGIC)] == MAGIC  # four bytes say so more surely than the first one
        frames = 1 if is_keyframe else 1 + min(data[1], MAX_FRAMES - 1) if len(data) > 1 else 1
        lengths = tuple(np.diff([sample.duration * i // frames for i in range(frames + 1)]).tolist())
        return _Scanned(sample.index, sample.pts, lengths, len(data), sample.position, is_keyframe, str(error), None)
    return _Scanned(sample.index, unit.first_pts, unit.durations, len(data), sample.position, unit.is_keyframe, None, unit.header)


def _guessed_durations(unit: _Scanned, step: int | None) -> tuple[int, ...]:
    """Of the frames of a damaged access unit.  ``step``: duration of all frames of the others, None where they differ."""
    if step is None or unit.is_keyframe:
        return unit.durations
    return (step,) * min(max(round(sum(unit.durations) / step), 1), MAX_FRAMES)
