"""One open file that several readers read at once, each from a place of its own."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from ..errors import ContainerError
from .positions import PositionedFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


# The name of a file, or all that is in it.
FileSource = str | Path | bytes | bytearray | memoryview


class SharedFile:
    """A binary file for reading and seeking, under a name for messages.

    Any number of threads may read it: every view has its own position.  A file that a path named is
    closed by ``close``; a file object that was handed in stays open, and its position is where the
    last reading left it.  Raises ``ContainerError`` for one that cannot seek or gives text.
    """

    def __init__(self, file: BinaryIO, name: str | None = None, *, owned: bool = False) -> None:
        self._file, self._owned, self._lock = file, owned, threading.Lock()
        file_name = getattr(file, "name", None)
        self.name = name or (file_name if isinstance(file_name, str) else "the file object")
        try:
            self.size = file.seek(0, os.SEEK_END)
        except io.UnsupportedOperation as error:
            raise ContainerError(
                f"{self.name}: it cannot seek, as a pipe: read it into an io.BytesIO first"
            ) from error
        if isinstance(file, io.TextIOBase):
            raise ContainerError(f'{self.name}: opened as text: open it as bytes, with mode "rb"')

    @classmethod
    def open(cls, path: str | Path) -> SharedFile:
        """The file of that name.  Raises ``ContainerError``."""
        check_is_file(path)
        try:
            return cls(open(path, "rb"), str(path), owned=True)
        except OSError as error:
            raise ContainerError(
                f"{path}: cannot be opened ({error.strerror}): check its permissions"
            ) from error

    @classmethod
    def of(cls, source: FileSource) -> str | Path | SharedFile:
        """A path as it is, and bytes as a file."""
        if isinstance(source, bytes | bytearray | memoryview):
            return cls(io.BytesIO(source), "the bytes")
        return source

    def __str__(self) -> str:
        return self.name

    def view(self) -> BinaryIO:
        """The file from its beginning, as an object of its own.  Closing it leaves the file
        open.
        """
        return cast(BinaryIO, _View(self))  # which no class of ``io`` says to be

    def read(self, position: int, count: int) -> bytes:
        """Up to ``count`` bytes from ``position`` on; fewer at the end of the file."""
        # FFmpeg asks for what tables claim, and Python takes the memory before it looks what there
        # is.
        pieces, left = [], max(0, min(count, self.size - position))
        with self._lock:
            self._file.seek(position)
            # a file object may give less than it has, as those of a network do
            while left and (piece := self._file.read(left)):
                pieces.append(piece)
                left -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Close what ``open`` opened."""
        if self._owned:
            with self._lock:
                self._file.close()


class _View(PositionedFile):
    def __init__(self, shared: SharedFile) -> None:
        super().__init__()
        self._shared = shared

    @property
    def size(self) -> int:
        return self._shared.size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._shared.read(
            self._position, self._shared.size if size is None or size < 0 else size
        )
        self._position += len(data)
        return data

    def readinto(self, buffer: WriteableBuffer) -> int:
        space = memoryview(buffer).cast("B")
        data = self._shared.read(self._position, len(space))
        space[: len(data)] = data
        self._position += len(data)
        return len(data)


def check_is_file(path: str | Path) -> None:
    """Raise ``ContainerError`` unless there is a file of that name."""
    if not Path(path).exists():
        raise ContainerError(f"{path}: no such file")
    if not Path(path).is_file():
        raise ContainerError(f"{path}: not a file")
