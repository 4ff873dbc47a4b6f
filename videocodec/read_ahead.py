"""Working ahead in a thread: entropy decoding of the next access units goes on while the networks
run.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from queue import Empty
from typing import Generic, TypeVar

from bitstream.crew import Crew, has_crew, help_others, join, leave, lend

T = TypeVar("T")
# One item and no error; none and the error that the iterator raised, None at its end.
_Entry = tuple[list[T], BaseException | None]
_POLL_SECONDS = 0.2


class _Making(Generic[T]):
    """A thread that goes through an iterator, as far as there is room for what it gives.

    crew: it gives items to whoever waits there, and is helped by them; helping: what it is a crew
    for, while it waits for room and when it is done.
    """

    def __init__(self, items: Iterator[T], count: int, helpers: int) -> None:
        self.crew = Crew(helpers)
        self.helping = Crew(like=self.crew)
        self._items, self._stopped = items, threading.Event()
        for _ in range(count):
            self.make_room()
        self.crew.begin()
        self._thread = threading.Thread(target=self._work, name="read-ahead", daemon=True)
        self._thread.start()

    def make_room(self) -> None:
        """For an item more."""
        self.helping.put(None)

    def end(self) -> None:
        """After the item that is being made."""
        self._stopped.set()
        self.make_room()
        try:
            if threading.current_thread() is not self._thread:  # which may collect who takes items
                self._thread.join()
        finally:
            for crew in (self.crew, self.helping):
                crew.dismiss()

    def _work(self) -> None:
        join(self.crew)
        try:
            for item in self._items:
                if not self._put(([item], None)):
                    return
            self._put(([], None))
        except BaseException as error:
            self._put(([], error))
        while self._waits_for_room():
            pass

    def _put(self, entry: _Entry[T]) -> bool:
        there_is = self._waits_for_room()
        if there_is:
            self.crew.put(entry)
        return there_is

    def _waits_for_room(self) -> bool:
        """Whether there is some in the end."""
        while not self._stopped.is_set():
            with suppress(Empty):
                self.helping.wait(_POLL_SECONDS)
                return not self._stopped.is_set()
        return False


def read_ahead(items: Iterator[T], count: int, helpers: int = 0) -> Generator[T, None, None]:
    """The items of an iterator in order, up to ``count`` of them made before they are asked for.

    The iterator runs in a thread of its own from the first item asked for.  What it raises is
    raised here, after the items before it. Closing the returned generator, or leaving its loop,
    ends the thread after the item that it is making.

    Both threads help each other (``bitstream.crew``).  Whoever takes items helps to make them,
    while it waits and before it goes on with one, since it waits for them in the end.  The thread
    that makes them helps with what is done with them, while there is no room for more and when all
    are made, unless whoever takes them has a crew already.  ``helpers`` more threads do nothing
    else.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    making = _Making(items, count, helpers)
    try:
        while True:
            lend(making.crew)  # each time: it may be another thread that takes the next one
            if not has_crew():
                join(making.helping)
            try:
                made, error = making.crew.wait(_POLL_SECONDS)
            except Empty:
                continue  # waking up now and then lets Ctrl-C through on every platform
            making.make_room()
            if error is not None:
                raise error
            if not made:
                return
            for item in made:
                help_others()
                yield item
    finally:
        leave(making.crew, making.helping)
        making.end()
