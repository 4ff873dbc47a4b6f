"""What a reader gives of the access units of a file."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sample:
    """An access unit as the container holds it.

    data: its bytes, unchecked.  pts, duration: ticks of the header's time base, by the container's
    tables (what the access unit itself says goes before them).  index: 0.. in the order of the
    file.  position: of its first byte in the file, which does not make two samples differ.
    """

    data: bytes
    pts: int
    duration: int
    index: int
    position: int = field(default=-1, compare=False)


@dataclass(frozen=True)
class UnitInfo:
    """What is known of an access unit without decoding it: as in ``Sample``, size in bytes, whether
    decoding can start there, and its frames by a field that is not checked.
    """

    pts: int
    duration: int
    size: int
    is_keyframe: bool
    frame_count: int
