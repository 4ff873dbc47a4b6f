"""Working ahead in a thread: entropy decoding of the next access units goes on while the networks
run.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from queue import Empty
from typing import TypeVar

from bitstream.crew import Crew, help_others, join, lend

T = TypeVar("T")
# One item and no error; none and the error that the iterator raised, None at its end.
_Entry = tuple[list[T], BaseException | None]
_POLL_SECONDS = 0.2


def read_ahead(items: Iterator[T], count: int, helpers: int = 0) -> Generator[T, None, None]:
    """The items of an iterator in order, up to ``count`` of them made before they are asked for.

    The iterator runs in a thread of its own from the first item asked for.  What it raises is
    raised here, after the items before it. Closing the returned generator, or leaving its loop,
    ends the thread after the item that it is making.  Whoever takes items helps to make them
    (``bitstream.crew``), while it waits and before it goes on with one, since it waits for them in
    the end; ``helpers`` more threads do nothing else.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    crew, room, stopped = Crew(helpers), threading.Semaphore(count), threading.Event()

    def put(entry: _Entry[T]) -> bool:
        while not stopped.is_set():
            if room.acquire(timeout=_POLL_SECONDS):
                crew.put(entry)
                return True
        return False

    def work() -> None:
        join(crew)
        try:
            for item in items:
                if not put(([item], None)):
                    return
            put(([], None))
        except BaseException as error:
            put(([], error))

    crew.begin()
    lend(crew)
    thread = threading.Thread(target=work, name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            try:
                made, error = crew.wait(_POLL_SECONDS)
            except Empty:
                continue  # waking up now and then lets Ctrl-C through on every platform
            room.release()
            if error is not None:
                raise error
            if not made:
                return
            for item in made:
                help_others()
                yield item
    finally:
        lend(None)
        stopped.set()
        thread.join()
        crew.dismiss()
