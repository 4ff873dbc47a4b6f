"""What coding all chunks of a video by one plan each came to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .chunk_coder import ChunkTask, CodedUnit
from .peak_rate import FrameBits, frame_bits


def frames_of(units: Iterable[CodedUnit]) -> list[FrameBits]:
    """Every frame of some access units and its bits."""
    return [
        frame for unit in units for frame in frame_bits(unit.first_pts, unit.durations, unit.size)
    ]


@dataclass(frozen=True)
class CodedVideo:
    """All chunks of a video by one plan each: the tasks under which their bytes are kept, and what
    is known of their units.
    """

    tasks: tuple[ChunkTask, ...]
    units: tuple[tuple[CodedUnit, ...], ...]

    @property
    def size(self) -> int:
        """Bytes of all access units."""
        return sum(unit.size for chunk in self.units for unit in chunk)

    @property
    def ticks(self) -> int:
        """From the first frame to the end of the last, without gaps."""
        return sum(sum(unit.durations) for chunk in self.units for unit in chunk)

    @property
    def end(self) -> int:
        """When the last frame ends, ticks of the stream's clock."""
        last = self.units[-1][-1]
        return last.first_pts + sum(last.durations)

    @property
    def frames(self) -> list[FrameBits]:
        """Every frame and its bits."""
        return [frame for chunk in self.units for frame in frames_of(chunk)]


@dataclass(frozen=True)
class Outcome:
    """What is to be written.

    coded: the chunks.
    crf: that they were coded for, a whole number without rate control.
    passes: how many it took.
    warnings: what the user should know.
    """

    coded: CodedVideo
    crf: float
    passes: int
    warnings: tuple[str, ...]
