"""One BLAS thread for small products.

The matrix products of this package are small and many: shared out over threads they cost four times
the processor time and are no faster.  Results do not depend on it, they are exact either way.
"""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager, ExitStack
from functools import lru_cache
from types import TracebackType

from threadpoolctl import ThreadpoolController


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through the loaded libraries: milliseconds, so only once


class _Limit:
    """The limit is one for the process: the first thread that comes sets it, the last one that goes
    takes it away.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew, in a child made by ``fork``, where those who were in it are no more."""
        self._lock, self._inside, self._held = threading.Lock(), 0, ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._held.enter_context(_controller().limit(limits=1, user_api="blas"))
            self._inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._held.close()


_limit = _Limit()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_limit.forget)


def one_blas_thread() -> AbstractContextManager[object]:
    """A context in which BLAS products of this process run on one thread.  Any number of threads
    may be in it at once.
    """
    return _limit
