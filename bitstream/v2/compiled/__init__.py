"""Kernels in compiled code for the slowest parts of version 2, with the very integers of NumPy's.

NumPy is the reference, and does the work until the kernels are there, or where they never are.
numba compiles them when a machine needs them for the first time, and keeps what it made; a thread
of its own does that, and loads them.  Kernels say nothing that their NumPy twins do not say: each
names its own.
"""

from __future__ import annotations

import atexit
import logging
import os
from functools import lru_cache
from importlib import import_module
from threading import Event, Thread
from time import monotonic
from typing import Any

VARIABLE = "VIDEOCODEC_COMPILED"  # 0: never; 1: wait for them
process_ends = Event()  # no further kernel is compiled then


class Loading:
    """A module of kernels on its way; ``module`` is None until it is there."""

    def __init__(self, name: str) -> None:
        self.module: Any = None
        self._name, self._began = name, monotonic()
        self._thread = Thread(target=self._load, name="compiled kernels", daemon=True)
        if os.environ.get(VARIABLE) != "0":
            atexit.register(self._end)
            self._thread.start()
        if os.environ.get(VARIABLE) == "1":
            self.wait()

    def wait(self, seconds: float | None = None) -> None:
        """Until it has been loaded, or it is known that it cannot be; seconds: at most so long
        after it began.
        """
        if self._thread.ident is not None:
            left = None if seconds is None else max(0.0, self._began + seconds - monotonic())
            self._thread.join(left)

    def _end(self) -> None:
        """When the process ends: a compiler that goes on while a process takes itself apart makes
        it crash, so the kernel that is being compiled is waited for, some seconds at most.
        """
        process_ends.set()
        self.wait()

    def _load(self) -> None:
        try:
            self.module = import_module(self._name)
        except Exception as error:  # whatever numba says: nothing depends on it but time
            logging.getLogger(__name__).debug("without compiled kernels: %s", error)


@lru_cache(maxsize=1)
def _loading() -> Loading:
    return Loading(f"{__package__}.library")


def kernels() -> Any | None:
    """The module ``library`` once it is there, else None.  The first call begins to load it."""
    return _loading().module


def await_kernels(seconds: float | None = None) -> Any | None:
    """The same, when it has been loaded, or it is known that it cannot be; seconds: at most so long
    after it began to be.
    """
    _loading().wait(seconds)
    return _loading().module
