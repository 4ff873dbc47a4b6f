"""Files of one's own making that FFmpeg moves about in."""

from __future__ import annotations

import io
import os
from abc import abstractmethod


class PositionedFile(io.RawIOBase):
    """A file whose position is a number of its own, from 0 on."""

    def __init__(self) -> None:
        self._position = 0

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes that the file has."""

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Bytes from the beginning."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, past the end too, but not before the beginning, and say where to."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(0, origin + offset)
        return self._position
