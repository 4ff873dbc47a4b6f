"""What readers of one file share: the file, its index, latents, networks and memory."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import BinaryIO

from bitstream.container import SharedFile

from ..decoder.index import StreamIndex
from ..decoder.latents import LatentStream
from .ahead import ReadAhead
from .cache import Cache
from .latents import LatentSource
from .metadata import VideoMetadata
from .pictures import Networks


class ReaderCore:
    """What readers of one file under several choices of restoration share; closed with the last of
    them.
    """

    def __init__(
        self,
        source: str | Path | BinaryIO,
        model: str | Path | None,
        force_model: bool,
        device: str,
        threads: int | None,
        memory_limit: int,
        read_ahead: bool,
    ) -> None:
        self.cache = Cache(memory_limit)
        self.file = (
            SharedFile.open(source) if isinstance(source, str | Path) else SharedFile(source)
        )
        try:
            stream = LatentStream(self.file, model, force_model=force_model)
            self.index = StreamIndex(stream.reader)
            # A first header that is damaged may say anything.
            stream.header = stream.reader.header = self.index.header
            self.metadata = VideoMetadata.of(
                stream.reader, self.index, has_unet=stream.bundle.has_unet
            )
            self.latents = LatentSource(self.file, self.index, stream.bundle.tables, self.cache)
            self.networks = Networks(stream, device, threads)
            self.bundle = stream.bundle
        except BaseException:
            self.file.close()
            raise
        self.ahead = ReadAhead(self.index, self.latents, self.cache) if read_ahead else None
        # A reader that nobody holds any more is closed wherever the garbage collector runs, perhaps
        # under this very lock.
        self._users, self._lock = set[int](), threading.RLock()

    def open(self, user: int) -> None:
        """One more reader, by a number of its own."""
        with self._lock:
            self._users.add(user)

    def close(self, user: int) -> None:
        """One reader less; once more, by whatever thread, does nothing."""
        with self._lock:
            if user not in self._users:
                return
            self._users.remove(user)
            if self._users:
                return
        if self.ahead is not None:
            self.ahead.stop()
        self.cache.clear()
        self.file.close()
