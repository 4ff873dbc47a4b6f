"""How a reader is opened, kept so that a copy of it can be opened elsewhere."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from bitstream.container import SharedFile

from ..decoder.picture_choice import Pictures

ReaderSource = str | Path | bytes | bytearray | memoryview | BinaryIO


@dataclass(frozen=True, eq=False)
class Opening:
    """What a file is opened with; arguments as of ``VideoReader``.

    source: a path, bytes, or a file object of the caller.
    folder: that the path is seen from.
    """

    source: str | bytes | BinaryIO
    model: str | Path | None
    force_model: bool
    device: str
    threads: int | None
    memory_limit: int
    read_ahead: bool
    coded_size: bool = False
    scale: int = 1
    pictures: Pictures = "auto"
    folder: str = field(default_factory=os.getcwd)

    @property
    def reopenable(self) -> Opening | None:
        """The same for another process or another reader; None for a file object, which has one
        position alone.
        """
        if isinstance(self.source, str):
            return replace(self, source=os.path.join(self.folder, self.source))
        return self if isinstance(self.source, bytes) else None

    def open_file(self) -> SharedFile:
        """The source.  Raises ``ContainerError``."""
        if isinstance(self.source, str):
            return SharedFile.open(self.source)
        if isinstance(self.source, bytes):
            return SharedFile(io.BytesIO(self.source), "the bytes")
        return SharedFile(self.source)


def plain(source: ReaderSource) -> str | bytes | BinaryIO:
    """A source as ``Opening`` keeps it."""
    if isinstance(source, str | Path):
        return str(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    return source
