"""Locks on folders that one process at a time may work in.

The system frees a lock even of a process that was killed.
"""

from __future__ import annotations

import os
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout


def take_lock(file: Path) -> BaseFileLock | None:
    """The lock that a file stands for, which is made if it is not there; None if somebody else
    holds it.  Raises ``OSError`` where the file cannot be made.
    """
    lock = FileLock(file, thread_local=False)  # any thread may release it
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def remove_lock(lock: BaseFileLock) -> None:
    """Release a lock and remove its file."""
    file = Path(lock.lock_file)
    if os.name == "nt":  # where an open file cannot be removed
        lock.release()
        file.unlink(missing_ok=True)
        return
    # While it is held: after that it may be somebody else's.
    file.unlink(missing_ok=True)
    lock.release()
