"""Threads that are inside PyTorch when Python ends take the process down with them, so readers end
theirs before.
"""

from __future__ import annotations

import atexit
import weakref
from typing import Protocol


class Stoppable(Protocol):
    """Who has threads."""

    @property
    def is_of_this_process(self) -> bool:
        """Whether they are not a parent's."""

    def stop(self) -> None:
        """End them, and wait for that."""


_at_work: weakref.WeakSet[Stoppable] = weakref.WeakSet()


def stop_at_exit(one: Stoppable) -> None:
    """Have its threads stopped when Python ends, if it is there then."""
    _at_work.add(one)


@atexit.register
def _stop_all() -> None:
    for one in list(_at_work):
        if one.is_of_this_process:
            one.stop()
