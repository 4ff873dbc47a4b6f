"""What holds for every input of every target: it takes little time and little memory."""

from __future__ import annotations

import resource
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MOST_GROWTH = 128 << 20  # of the process by one input, bytes: what libraries allocate is in it too
# following every allocation takes several times the time, so it is done for one input in so many
MEASURED_EVERY = 32


class SlowError(AssertionError):
    """An input took longer than its size allows."""


class GreedyError(AssertionError):
    """An input took more memory than its bound."""


@contextmanager
def within(data: bytes, seconds: float, bound: Callable[[], int] | None = None) -> Iterator[None]:
    """Raises ``SlowError`` if what it surrounds takes more processor time, and ``GreedyError``, for
    some inputs (always the same), if it allocates more than ``bound()`` bytes, which is asked
    afterwards.
    """
    limit = bound if zlib.crc32(data) % MEASURED_EVERY == 0 else None
    if limit is not None:
        tracemalloc.start()
    peak_before, begin = _peak_of_process(), time.process_time()
    try:
        yield
    finally:
        taken = time.process_time() - begin
        if limit is not None:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    if taken > seconds:
        raise SlowError(f"{taken:.1f} s of processor time, {seconds:.1f} s are allowed")
    if (grown := _peak_of_process() - peak_before) > MOST_GROWTH:
        raise GreedyError(f"the process grew by {grown} bytes, {MOST_GROWTH} are allowed")
    if limit is not None and peak > limit():
        raise GreedyError(f"{peak} bytes at once, {limit()} are allowed")


def _peak_of_process() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
