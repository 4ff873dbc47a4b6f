"""Frames of a chunk as they come, cut into groups that are planned: motion and importance come of
sources alone, so groups may be planned before those ahead of them are coded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .frame_plan import EncoderFrame
from .group_plan import GroupPlan, GroupPlanner


@dataclass(frozen=True)
class PlannedGroup:
    """What is coded next.

    keyframe: that of the chunk, before its first group; None otherwise.
    group: the frames after it, None for a keyframe that is alone.
    """

    keyframe: EncoderFrame | None
    group: GroupPlan | None


class GroupCutter:
    """Plans groups of a chunk's frames in order; up to ``size`` of them wait.

    The keyframe comes with the first group, since it depends on that how well it should be coded.
    """

    def __init__(self, planner: GroupPlanner, size: int) -> None:
        self._planner, self._size = planner, size
        self._keyframe: EncoderFrame | None = None
        self._before: EncoderFrame | None = None
        self._waiting: list[EncoderFrame] = []

    def push(self, frame: EncoderFrame) -> Iterator[PlannedGroup]:
        """Take one frame → the group that need not wait any more, if there is one."""
        if self._before is None:
            self._keyframe = self._before = frame
            return
        self._waiting.append(frame)
        if len(self._waiting) >= self._size:
            yield self._next(self._before)

    def finish(self) -> Iterator[PlannedGroup]:
        """All that waits."""
        while self._before is not None and self._waiting:
            yield self._next(self._before)
        if self._keyframe is not None:
            yield PlannedGroup(self._keyframe, None)
            self._keyframe = None

    def _next(self, before: EncoderFrame) -> PlannedGroup:
        """As many frames as the motion allows, the fewer the more is new."""
        group = self._planner.plan(before.luma, self._waiting)
        keyframe, self._keyframe = self._keyframe, None
        self._before = group.frames[-1]
        self._waiting = self._waiting[len(group.frames) :]
        return PlannedGroup(keyframe, group)
