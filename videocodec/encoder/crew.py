"""Work shared between the threads of one process, where it does not matter who does it: kernels,
OpenCV and PyTorch let others run meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from ..cores import usable_cores

_In = TypeVar("_In")
_Out = TypeVar("_Out")


class Crew(Protocol):
    """Who does several pieces of work."""

    def map(self, work: Callable[[_In], _Out], items: Iterable[_In]) -> list[_Out]:
        """What comes of every item, in their order."""


class Alone:
    """One piece after another."""

    def map(self, work: Callable[[_In], _Out], items: Iterable[_In]) -> list[_Out]:
        """As the protocol says."""
        return [work(item) for item in items]


ALONE = Alone()


class Several:
    """So many threads, the caller's among them."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads - 1, "encoding")

    def map(self, work: Callable[[_In], _Out], items: Iterable[_In]) -> list[_Out]:
        """As the protocol says."""
        waiting = [(item, self._pool.submit(work, item)) for item in items]
        # Those that nobody has begun, last ones first, are the caller's.
        done = {
            index: work(item)
            for index, (item, one) in reversed(list(enumerate(waiting)))
            if one.cancel()
        }
        return [
            done[index] if index in done else one.result() for index, (_, one) in enumerate(waiting)
        ]


def crew_of(threads: int | None) -> Crew:
    """Of so many threads, None for as many as there are processors."""
    count = usable_cores() if threads is None else threads
    return Several(count) if count > 1 else ALONE
