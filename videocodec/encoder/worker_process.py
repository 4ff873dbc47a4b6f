"""The life of an encoder process: it codes what it is sent until it is told to end, or its parent
is gone.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path

import cv2

from ..errors import WorkerError
from .workplace import Workplace

# A terminal sends these to all: the parent decides what becomes of it, and without a parent a
# worker ends anyway.
_TERMINAL_SIGNALS = {
    getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)
}


@contextmanager
def no_interrupts() -> Iterator[None]:
    """Processes started here never see Ctrl-C or the end of the terminal: this one alone decides
    what becomes of it.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Python starts its resource tracker with the first process, and unblocks the signal again once
    # that runs: have it behind us.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _TERMINAL_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def work(connection: Connection, workplace: Workplace, threads: int) -> None:
    """The life of a worker process."""
    for number in _TERMINAL_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        from .local_workers import LocalWorkers  # the networks' libraries: here alone

        cv2.setNumThreads(threads)
        with LocalWorkers(replace(workplace, threads=threads)) as workers:
            while True:
                for _, results in workers.run([connection.recv()], connection.send):
                    connection.send(results)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent is gone
    except BaseException as error:
        connection.send(_portable(error))


def _end_with_parent() -> None:
    """Even if it was killed and could not say good-bye."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _portable(error: BaseException) -> BaseException:
    """The error as it can be sent to another process."""
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error) and isinstance(
            error, ValueError | OSError | MemoryError | RuntimeError
        ):
            return error
    except Exception:
        pass
    last = traceback.extract_tb(error.__traceback__)[-1]
    return WorkerError(
        f"an encoder process failed: {type(error).__name__}: {error} ({Path(last.filename).name},"
        f" line {last.lineno})"
    )
