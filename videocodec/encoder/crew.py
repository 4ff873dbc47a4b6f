"""Work shared between the threads of one process, where it does not matter who does it: kernels,
OpenCV and PyTorch let others run meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol, TypeVar

from bitstream.crew import Crew as KernelCrew
from bitstream.crew import helped

from ..cores import usable_cores

_In = TypeVar("_In")
_Out = TypeVar("_Out")


class Crew(Protocol):
    """Who does several pieces of work."""

    def map(self, work: Callable[[_In], _Out], items: Iterable[_In]) -> list[_Out]:
        """What comes of every item, in their order."""

    def helping(self) -> AbstractContextManager[None]:
        """A context in which kernels of this thread are shared as well (``bitstream.crew``)."""


class Alone:
    """One piece after another."""

    def map(self, work: Callable[[_In], _Out], items: Iterable[_In]) -> list[_Out]:
        """As the protocol says."""
        return [work(item) for item in items]

    def helping(self) -> AbstractContextManager[None]:
        """As the protocol says."""
        return nullcontext()


ALONE = Alone()


class Several:
    """So many threads, the caller's among them."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads - 1, "encoding")
        self._threads = threads

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

    @contextmanager
    def helping(self) -> Iterator[None]:
        """As the protocol says."""
        crew = KernelCrew(self._threads - 1)
        crew.begin()
        try:
            with helped(crew):
                yield
        finally:
            crew.dismiss()


def crew_of(threads: int | None) -> Crew:
    """Of so many threads, None for as many as there are processors."""
    count = usable_cores() if threads is None else threads
    return Several(count) if count > 1 else ALONE
