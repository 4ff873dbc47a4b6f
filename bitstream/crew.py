"""Threads that take a share of another one's work while they have nothing else to do.

Kernels run without Python's lock, so two threads make two halves of a layer at once.  A thread
whose work may be shared has a crew; whoever waits in ``Crew.wait`` takes what is offered.  Work
that nobody has begun is taken back, so nothing ever waits for a thread that found something else
to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

Work = Callable[[], None]


class _Task:
    """Work that one of two threads does: the one that claims it first."""

    def __init__(self, work: Work) -> None:
        self._work, self._claim, self._done = work, Lock(), Lock()
        self._error: BaseException | None = None
        self._done.acquire()

    def attempt(self) -> None:
        """Do it, if nobody has begun."""
        if self._claim.acquire(blocking=False):
            try:
                self._work()
            except BaseException as error:
                self._error = error
            finally:
                self._done.release()

    def finish(self) -> None:
        """Do it, or wait until it is done.  Raises what it raised."""
        self.attempt()
        self._done.acquire()
        if self._error is not None:
            raise self._error


class Crew:
    """Those who wait for something, and meanwhile help; ``helpers`` threads do nothing else, from
    ``begin`` on.
    """

    def __init__(self, helpers: int = 0) -> None:
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._waiting, self._lock = 0, Lock()
        self._helpers, self._begun = helpers, False

    def begin(self) -> None:
        """Have the helpers there, unless they are."""
        with self._lock:
            begins, self._begun = not self._begun, True
        for _ in range(self._helpers if begins else 0):
            Thread(target=self._help, name="helper", daemon=True).start()

    @property
    def waiting(self) -> int:
        """How many could take a share now."""
        return self._waiting

    def put(self, item: object) -> None:
        """Give one of those who wait what it waits for."""
        self._queue.put(item)

    def wait(self, seconds: float) -> Any:
        """What was put, as soon as there is something; help until then.  Raises ``queue.Empty``
        where there was nothing for so long.
        """
        while True:
            with self._lock:
                self._waiting += 1
            try:
                found = self._queue.get(timeout=seconds)
            finally:
                with self._lock:
                    self._waiting -= 1
            if not isinstance(found, _Task):
                return found
            found.attempt()

    def do(self, works: Sequence[Work]) -> None:
        """Do all of these, with those who wait."""
        tasks = [_Task(work) for work in works[1:]]
        for task in tasks:
            self._queue.put(task)
        try:
            works[0]()
        finally:
            for task in tasks:
                task.finish()

    def dismiss(self) -> None:
        """Let the helpers go."""
        for _ in range(self._helpers if self._begun else 0):
            self._queue.put(None)

    def _help(self) -> None:
        while True:
            try:
                self.wait(_PATIENCE)
                return
            except Empty:
                pass


_PATIENCE = 3600.0  # seconds
_CREW: ContextVar[Crew | None] = ContextVar("crew", default=None)


def join(crew: Crew | None) -> None:
    """From now on the work of this thread may be shared with a crew; None: with nobody."""
    _CREW.set(crew)


@contextmanager
def helped(crew: Crew) -> Iterator[None]:
    """A context in which it may be."""
    before = _CREW.set(crew)
    try:
        yield
    finally:
        _CREW.reset(before)


def shares() -> int:
    """Among how many threads this one's work may be shared now."""
    crew = _CREW.get()
    return 1 if crew is None else 1 + crew.waiting


def do_together(works: Sequence[Work]) -> None:
    """Do all of these, at the same time where this thread has a crew that waits."""
    crew = _CREW.get()
    if crew is None or len(works) == 1:
        for work in works:
            work()
    else:
        crew.do(works)
