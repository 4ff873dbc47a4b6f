"""The folder of a ladder: its own, one run at a time, tidied when a run begins."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import OutputError

CACHE = "cache"
_LOCK = "lock"
_PATIENCE = 2.0  # seconds
# What a ladder that was killed leaves: unfinished encodes and clips, raw frames, files that were
# being written.
_LEFT = (
    "encodes/.part-*",
    "clips/*.part[0-9]*",
    "clips/*/*.part[0-9]*",
    "clips/*/reference.yuv",
    "encodes/*/decoded.yuv",
    "encodes/*/*.part.png",
    "encodes/*/*.part[0-9]*",
)


def check_output(output: Path) -> None:
    """Make the folder, or find the one of an earlier ladder.

    Raises ``OutputError`` for anything else.
    """
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output} is a file: --output names a folder")
    if output.is_dir() and any(output.iterdir()) and not (output / CACHE).is_dir():
        raise OutputError(f"{output} holds something else than a ladder: name a new folder")
    try:
        (output / CACHE).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{output} cannot be made: {error.strerror}") from error


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """A context in which no other ladder works in the folder, and which begins with removing what
    those that were killed left half-done.

    The system frees the lock even of a process that was killed, but not before a program that it
    was about to start has begun.  Raises ``OutputError`` if another ladder is at work.
    """
    lock = FileLock(output / CACHE / _LOCK)
    try:
        lock.acquire(timeout=_PATIENCE, poll_interval=_PATIENCE / 20)
    except Timeout:
        raise OutputError(
            f"{output}: another ladder is at work in this folder: wait for it, or name another"
        ) from None
    try:
        _tidy(output)
        yield
    finally:
        lock.release()


def _tidy(output: Path) -> None:
    for pattern in _LEFT:
        for left in (output / CACHE).glob(pattern):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
    for left in output.glob("*.part[0-9]*"):
        left.unlink(missing_ok=True)
