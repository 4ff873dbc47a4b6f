"""Working ahead in a thread: entropy decoding of the next access units goes on while the networks
run.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from queue import Empty
from typing import TypeVar

from bitstream.crew import Crew, has_crew, help_others, join, lend

T = TypeVar("T")
# One item and no error; none and the error that the iterator raised, None at its end.
_Entry = tuple[list[T], BaseException | None]
_POLL_SECONDS = 0.2
_ROOM = object()  # for an item more


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
    crew, stopped = Crew(helpers), threading.Event()
    maker = Crew(like=crew)
    for _ in range(count):
        maker.put(_ROOM)

    def wait_for_room() -> bool:
        while not stopped.is_set():
            with suppress(Empty):
                maker.wait(_POLL_SECONDS)
                return not stopped.is_set()
        return False

    def put(entry: _Entry[T]) -> bool:
        there_is = wait_for_room()
        if there_is:
            crew.put(entry)
        return there_is

    def work() -> None:
        join(crew)
        try:
            for item in items:
                if not put(([item], None)):
                    return
            put(([], None))
        except BaseException as error:
            put(([], error))
        while wait_for_room():
            pass

    crew.begin()
    lend(crew)
    joins = not has_crew()
    if joins:
        join(maker)
    thread = threading.Thread(target=work, name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            try:
                made, error = crew.wait(_POLL_SECONDS)
            except Empty:
                continue  # waking up now and then lets Ctrl-C through on every platform
            maker.put(_ROOM)
            if error is not None:
                raise error
            if not made:
                return
            for item in made:
                help_others()
                yield item
    finally:
        lend(None)
        if joins:
            join(None)
        stopped.set()
        maker.put(_ROOM)
        thread.join()
        crew.dismiss()
