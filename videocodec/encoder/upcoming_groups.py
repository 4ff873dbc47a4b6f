"""The groups of a chunk that are planned while others are coded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .group_cutter import PlannedGroup
from .group_plan import GroupPlan
from .upcoming import Upcoming

# Plans, and a group that is coded by them.
Groups = tuple[list[int], PlannedGroup]


class NextOf:
    """The group after one that is coded by ``plans``, for these as well (``UpcomingGroup``)."""

    def __init__(self, groups: Upcoming[Groups], plans: list[int]) -> None:
        self._groups, self._plans = groups, plans

    def peek(self) -> GroupPlan | None:
        """As the protocol says."""
        plans, planned = self._groups.peek() or (None, None)
        if planned is None or plans is not self._plans or planned.keyframe is not None:
            return None
        return planned.group

    @contextmanager
    def watching(self, on_planned: Callable[[], None]) -> Iterator[None]:
        """As the protocol says."""
        self._groups.on_made = on_planned
        try:
            yield
        finally:
            self._groups.on_made = None
