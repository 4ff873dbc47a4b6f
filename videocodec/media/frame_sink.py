"""The short interface behind which every kind of output stands, and what the kinds share."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import av
import numpy as np

from bitstream.container import Unfinished, through_links

from ..errors import OutputError, OutputExistsError


class FrameSink(ABC):
    """A place for decoded frames, which come in display order.

    Use it as a context manager. Only ``commit`` makes the output appear under its name; leaving
    without it removes everything that was written, so a failed run leaves no trace.
    ``skipped_tracks`` names, in one line each, sound and subtitle tracks the output cannot hold.
    """

    def __init__(self, width: int, height: int) -> None:
        self._shape = (height, width, 3)
        self.skipped_tracks: list[str] = []

    def __enter__(self) -> FrameSink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def write(self, rgb: np.ndarray, pts: int, duration: int) -> None:
        """Add a frame: uint8 height × width × 3, ``pts`` and ``duration`` in ticks of the header's
        time base.

        Raises ``OutputError`` when it cannot be written, ``ValueError`` for an array of another
        shape or type.
        """

    @abstractmethod
    def finish(self) -> None:
        """Write what is left to write, so that only the name is missing.

        Raises ``OutputError`` when that fails.
        """

    @abstractmethod
    def commit(self) -> None:
        """Finish the output, if that was not done, and give it its name.

        Raises ``OutputError`` when that fails.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; without a ``commit`` before, remove what was written.

        May be called more than once.
        """

    def _check(self, rgb: np.ndarray) -> None:
        if rgb.shape != self._shape or rgb.dtype != np.uint8:
            raise ValueError(
                f"a frame must be uint8 of shape {self._shape}, got {rgb.dtype} of shape"
                f" {rgb.shape}"
            )


class OutputFile:
    """A file that is written beside its target and renamed over it in one step."""

    def __init__(self, target: Path, *, overwrite: bool) -> None:
        check_target(target, overwrite=overwrite)
        self.target = target
        with output_errors(target):
            self._unfinished = Unfinished(target)
        self.beside = self._unfinished.path

    def commit(self) -> None:
        """Give the finished file its name."""
        with output_errors(self.target):
            self._unfinished.replace(self.target)

    def remove(self) -> None:
        """Remove the unfinished file, if there is one."""
        self._unfinished.remove()


def check_target(target: Path, *, overwrite: bool) -> None:
    """Raise ``OutputExistsError`` or ``OutputError`` unless a file can be put there.

    Only ordinary files are ever replaced.
    """
    if target.is_dir():
        raise OutputError(f"{target} is a directory: name a file in it")
    if target.exists() and not target.is_file():
        raise OutputError(f"{target} is no ordinary file: name one")
    if target.exists() and not overwrite:
        raise OutputExistsError(f"{target} exists: pass -y to overwrite")
    check_folder(target, through_links(target).parent)


def check_folder(target: str | Path, folder: Path) -> None:
    """Raise ``OutputError`` unless files can be made in ``folder``."""
    if not folder.is_dir():
        raise OutputError(f"{target}: the folder {folder} does not exist: create it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{target}: the folder {folder} is not writable: choose another")


@contextmanager
def output_errors(target: str | Path) -> Iterator[None]:
    """Turn what the operating system and FFmpeg say while writing into an ``OutputError`` that
    names the target.
    """
    try:
        yield
    except (OutputError, OutputExistsError, MemoryError):
        raise
    except (OSError, av.error.FFmpegError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(
            f"{target} cannot be written ({reason}): check the disk and the name"
        ) from error
