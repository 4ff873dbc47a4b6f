"""Threads that take a share of another one's work while they have nothing else to do.

Kernels run without Python's lock, so several threads carry out one network together
(``v2.compiled.program``).  A thread whose work may be shared has a crew, and invites it; whoever
waits in ``Crew.wait`` comes, and so does who has work of its own that can wait.  An invitation that
nobody has taken up is withdrawn, so nothing ever waits for a thread that found something else to
do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

Work = Callable[[], None]


class _Task:
    """Work that whoever finds it does, unless it was withdrawn."""

    def __init__(self, work: Work) -> None:
        self._work, self._claim = work, Lock()

    def attempt(self) -> None:
        """Do it, if nobody has begun and it is wanted still."""
        if self._claim.acquire(blocking=False):
            self._work()

    def withdraw(self) -> None:
        """Have nobody begin any more."""
        self._claim.acquire(blocking=False)


class _Helpers:
    """Threads that do nothing but help, those crews that call them; there from ``begin`` on."""

    def __init__(self, count: int) -> None:
        self.count, self._begun, self._lock = count, False, Lock()
        self._calls: SimpleQueue[Crew | None] = SimpleQueue()  # None: there will be none any more

    def begin(self) -> None:
        """Have them there, unless they are."""
        with self._lock:
            begins, self._begun = not self._begun, True
        for _ in range(self.count if begins else 0):
            Thread(target=self._help, name="helper", daemon=True).start()

    def call(self, crew: Crew) -> None:
        """All of them, if they are there."""
        for _ in range(self.count if self._begun else 0):
            self._calls.put(crew)

    def dismiss(self) -> None:
        """Let them go."""
        with self._lock:
            ends, self._begun = self._begun, False
        for _ in range(self.count if ends else 0):
            self._calls.put(None)

    def _help(self) -> None:
        while (crew := self._calls.get()) is not None:
            crew.help()


class Crew:
    """One who waits for something, and meanwhile helps; ``helpers`` threads do nothing else, from
    ``begin`` on.

    like: a crew whose helpers are those of this one too, in place of its own.
    """

    def __init__(self, helpers: int = 0, like: Crew | None = None) -> None:
        # what was put is for who waits for it: helpers are called by a queue of their own
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._invitations, self.is_dismissed = deque[_Task](), False
        self._helpers: _Helpers = _Helpers(helpers) if like is None else like._helpers

    def begin(self) -> None:
        """Have the helpers there, unless they are."""
        self.is_dismissed = False
        self._helpers.begin()

    def put(self, item: object) -> None:
        """Give who waits what it waits for."""
        self._queue.put(item)

    def wait(self, seconds: float) -> Any:
        """What was put, as soon as there is something; help until then.  Raises ``queue.Empty``
        where there was nothing for so long.
        """
        while True:
            try:
                found = self._queue.get_nowait()
            except Empty:
                self.help()  # nobody calls where there is something to wake up for already
                found = self._queue.get(timeout=seconds)
            if found is not _CALL:
                return found
            self.help()

    def help(self) -> None:
        """Do what is wanted now, which is nothing where nobody works."""
        while self._invitations:
            with suppress(IndexError):  # another one was faster
                self._invitations.popleft().attempt()

    @contextmanager
    def invited(self, work: Work) -> Iterator[None]:
        """As the function of that name."""
        tasks = [_Task(work) for _ in range(self._helpers.count + 1)]
        self._invitations.extend(tasks)
        if self._queue.empty():  # else there is something to wake up for already
            self._queue.put(_CALL)
        self._helpers.call(self)
        try:
            yield
        finally:
            for task in tasks:
                task.withdraw()
                with suppress(ValueError):  # somebody took it; else it stays where nobody helps
                    self._invitations.remove(task)

    def dismiss(self) -> None:
        """Let the helpers go; nobody will come any more."""
        self.is_dismissed = True
        self._helpers.dismiss()


_CALL = object()  # to who waits
_HELPED: ContextVar[Crew | None] = ContextVar("helped", default=None)
_CREW: ContextVar[Crew | None] = ContextVar("crew", default=None)


def join(crew: Crew | None) -> None:
    """From now on the work of this thread may be shared with a crew; None: with nobody."""
    _CREW.set(crew)


def has_crew() -> bool:
    """Whether the work of this thread may be shared already, with a crew that is there still."""
    crew = _CREW.get()
    return crew is not None and not crew.is_dismissed


def lend(crew: Crew | None) -> None:
    """From now on this thread comes when a crew is invited, whenever it calls ``help_others``."""
    _HELPED.set(crew)


def leave(*crews: Crew) -> None:
    """From now on this thread has nothing to do with these, if it had."""
    for variable in (_CREW, _HELPED):
        if variable.get() in crews:
            variable.set(None)


def help_others() -> None:
    """Help those first who are waited for, if this thread said so."""
    crew = _HELPED.get()
    if crew is not None:
        crew.help()


@contextmanager
def helped(crew: Crew) -> Iterator[None]:
    """A context in which it may be."""
    before = _CREW.set(crew)
    try:
        yield
    finally:
        _CREW.reset(before)


@contextmanager
def invited(work: Work) -> Iterator[None]:
    """A context in which all of this thread's crew that wait, or come to wait, do some work too, if
    it has a crew.  Nobody waits for them, so it must not matter whether they did.
    """
    crew = _CREW.get()
    if crew is None:
        yield
    else:
        with crew.invited(work):
            yield
