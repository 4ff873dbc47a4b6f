"""Where a file is written until it is complete, and how what a killed process left there goes
away.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import weakref
from contextlib import suppress
from pathlib import Path
from types import TracebackType

try:
    import fcntl
except ImportError:  # not on Windows: what a killed process left is then the user's to remove
    fcntl = None  # type: ignore[assignment]  # a module everywhere else

# characters of the target's name: with all of a long one, the file's own would be too long
_NAME_SHOWN = 40
_TRIES = 10


class Unfinished:
    """An empty file, or a folder, made under a hidden name in the target's folder,
    ``.NAME.PROCESS-RANDOM.part``, so that nothing of the user's is touched and a rename makes the
    target appear in one step.

    It is removed with this object, at the end of the program at the latest, and locked as long as
    both live.  Those for the same target that nobody holds were left by processes that were killed,
    and are removed.  A target that is a symbolic link stays one, and what it leads to is replaced.
    Raises ``OSError`` if it cannot be made.
    """

    def __init__(self, target: Path, *, folder: bool = False) -> None:
        target = through_links(target)
        remove_left(target)
        self._lock: int | None = None
        for _ in range(_TRIES):
            self.path = unfinished_name(target)
            # Before it is there: an interruption may come at any place, and no object of whoever
            # made this one need exist yet.
            self._removal = weakref.finalize(self, _removed, self.path)
            if folder:
                self.path.mkdir()
            else:
                self.path.open("xb").close()
            self._lock = _locked(self.path)
            if self._lock is None or _is_at(self._lock, self.path):
                return
            os.close(self._lock)  # another process came between, took it for left, and removed it

    def replace(self, target: Path) -> None:
        """Give the file its name, once all of it is on the disk: some file systems say only then
        that it did not fit.
        """
        file = os.open(self.path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        try:
            os.fsync(file)
        finally:
            os.close(file)
        os.replace(self.path, through_links(target))
        self._removal.detach()
        self._release()

    def remove(self) -> None:
        """Remove it, if it is still there, with all that is in it."""
        self._removal()
        self._release()

    def __enter__(self) -> Unfinished:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    def _release(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


def through_links(target: Path) -> Path:
    """The file that a symbolic link leads to, whether it is there or not; any other as it is."""
    return target.resolve() if target.is_symlink() else target


def unfinished_name(target: Path) -> Path:
    """A name for it that no other file and no other process has."""
    return target.with_name(
        f".{target.name[:_NAME_SHOWN]}.{os.getpid()}-{secrets.token_hex(3)}.part"
    )


def remove_left(target: Path) -> None:
    """Remove what killed processes left of this target.  What cannot be removed stays."""
    if fcntl is None:
        return
    leftovers = re.compile(re.escape(f".{target.name[:_NAME_SHOWN]}.") + r"\d+-[0-9a-f]{6}\.part")
    with suppress(OSError):
        for entry in [
            entry for entry in target.parent.iterdir() if leftovers.fullmatch(entry.name)
        ]:
            lock = _locked(entry)
            if lock is not None:
                _removed(entry)
                os.close(lock)


def _removed(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            # PyAV keeps a file open whose header did not fit on the disk: without a name it would
            # still take its room until the end.
            os.truncate(path, 0)
        with suppress(OSError):
            path.unlink()


def _locked(path: Path) -> int | None:
    """A descriptor that holds the lock of a file or folder; None if another process has it, or the
    file system knows none.
    """
    if fcntl is None:
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
