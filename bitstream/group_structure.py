"""Coding order and references of the frames of one access unit.

Frames have numbers inside a unit: 0 is the anchor, the frame displayed last in the preceding access
unit, and k >= 1 the frame with display index k - 1.  A frame refers only to frames coded before it.

    keyframe          one frame, no reference
    chain             1 ← 0, 2 ← 1, 3 ← 2, …
    hierarchy of 8    8 ← 0; then the middle of every gap, breadth first:
                      4 ← 0, 8;  2 ← 0, 4;  6 ← 4, 8;  1 ← 0, 2;  3 ← 2, 4;  5 ← 4, 6;  7 ← 6, 8
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

MAX_FRAMES = 16
T = TypeVar("T")


class Structure(IntEnum):
    """How the frames of an access unit refer to each other."""

    KEYFRAME = 0
    CHAIN = 1
    HIERARCHY = 2


@dataclass(frozen=True)
class FrameReference:
    """One frame of a unit: its display index 0.., and the numbers of its past and future reference
    (None: has none).
    """

    display_index: int
    past: int | None
    future: int | None

    @property
    def number(self) -> int:
        """Number of the frame inside its unit, 1.. in display order."""
        return self.display_index + 1

    @property
    def references(self) -> tuple[int, ...]:
        """Numbers of its references, the past one first; none for a keyframe."""
        return tuple(number for number in (self.past, self.future) if number is not None)

    @property
    def is_between_next_ones(self) -> bool:
        """Whether the frames before and after it are its references, so that nothing refers to
        it.
        """
        return self.past == self.number - 1 and self.future == self.number + 1


def coding_order(structure: Structure, frame_count: int) -> tuple[FrameReference, ...]:
    """The frames of a unit in the order in which they are coded.

    ``frame_count`` is 1..16, and 1 for a keyframe; ``ValueError`` otherwise.
    """
    limit = 1 if structure == Structure.KEYFRAME else MAX_FRAMES
    if not 1 <= frame_count <= limit:
        raise ValueError(
            f"frame_count of a {Structure(structure).name.lower()} unit must be 1..{limit}, got"
            f" {frame_count}"
        )
    if structure == Structure.KEYFRAME:
        return (FrameReference(0, None, None),)
    if structure == Structure.CHAIN:
        return tuple(FrameReference(index, index, None) for index in range(frame_count))
    order = [FrameReference(frame_count - 1, 0, None)]
    gaps = deque([(0, frame_count)])
    while gaps:
        past, future = gaps.popleft()
        middle = (past + future) // 2
        if middle > past:
            order.append(FrameReference(middle - 1, past, future))
            gaps += [(past, middle), (middle, future)]
    return tuple(order)


def walk_group(
    order: tuple[FrameReference, ...],
    anchor: T | None,
    code: Callable[[FrameReference, tuple[T, ...]], T],
) -> list[T]:
    """Go through the frames of a unit in coding order ``order`` → what ``code`` makes of each, in
    display order.

    ``code`` is called with a frame and what was made of its references, the past one first;
    ``anchor`` is what stands for the frame before the unit, None before a keyframe.
    """
    frames = {} if anchor is None else {0: anchor}
    for entry in order:
        frames[entry.number] = code(entry, tuple(frames[number] for number in entry.references))
    return [frames[number] for number in range(1, len(order) + 1)]
