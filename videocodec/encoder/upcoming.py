"""What is wanted next, made step by step by whoever has time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from threading import Lock
from typing import Generic, TypeVar

from .crew import Crew, Piece

_Item = TypeVar("_Item")
_AHEAD = 2  # items that are made before they are asked for


class Upcoming(Generic[_Item]):
    """Items in order, made ahead where the crew has somebody with nothing else to do.

    steps: makes them one after another, and gives None after every step that completes none: a
    thread that has made one may turn to what is more urgent.
    on_made: called, by any thread, when there is one more.
    """

    def __init__(self, steps: Generator[_Item | None, None, None], crew: Crew) -> None:
        self._steps, self._crew = steps, crew
        self._made, self._lock = deque[_Item](), Lock()
        self._step: Piece[None] | None = None
        self._error: BaseException | None = None  # what ended the steps
        self.on_made: Callable[[], None] | None = None

    def __iter__(self) -> Iterator[_Item]:
        return self

    def __next__(self) -> _Item:
        while not self._made and self._error is None:
            self._go_on()
            step = self._step
            if step is not None:
                self._crew.ended(step)
        if not self._made:
            assert self._error is not None
            raise self._error
        item = self._made.popleft()
        self._go_on()
        return item

    def peek(self) -> _Item | None:
        """The next one, if it is made already."""
        with suppress(IndexError):
            return self._made[0]
        return None

    def close(self) -> None:
        """End the steps, when nobody is in them any more."""
        with self._lock:
            step, self._error = self._step, self._error or StopIteration()
        if step is not None:
            with suppress(CancelledError):  # all was given up, and nobody is in them
                self._crew.ended(step)
        self._steps.close()

    def _go_on(self) -> None:
        """Have the next step made, unless there is enough, or somebody does already."""
        with self._lock:
            if self._step is None and self._error is None and len(self._made) < _AHEAD:
                self._step = self._crew.begun(self._make, can_wait=True)

    def _make(self) -> None:
        """One step."""
        item: _Item | None = None
        try:
            if self._error is None:  # else nobody wants it any more
                item = next(self._steps)
        except BaseException as error:
            self._error = error
            if not isinstance(error, Exception):
                raise
        if item is not None:
            self._made.append(item)
        with self._lock:
            self._step = None
        self._go_on()
        watch = self.on_made
        if item is not None and watch is not None:
            watch()
