"""What readers of one file share: the file, its index, latents, networks and memory."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

from bitstream.errors import ContainerError

from ..cores import usable_cores
from ..decoder.index import StreamIndex
from ..decoder.latents import LatentStream
from ..errors import ForkedReaderError
from ..models.files import has_post_filter
from .ahead import ReadAhead
from .cache import Cache
from .latents import LatentSource
from .metadata import VideoMetadata
from .opening import Opening
from .picture_thread import pictures_ahead
from .pictures import Networks

_ROOM = 4  # times the pictures made ahead: with their latents, and some that were seen


class ReaderCore:
    """What readers of one file under several choices of restoration share; closed with the last of
    them.
    """

    def __init__(self, opening: Opening) -> None:
        self.opening, self.process = opening, os.getpid()
        self.cache = Cache(opening.memory_limit)
        self.file = opening.open_file()
        try:
            stream = LatentStream(
                self.file,
                opening.model,
                force_model=opening.force_model,
                coded_size=opening.coded_size,
                scale=opening.scale,
                makes_up=opening.pictures != "exact",
            )
            self.index = StreamIndex(stream.reader)
            # A first header that is damaged may say anything.
            stream.header = stream.reader.header = self.index.header
            self.metadata = VideoMetadata.of(
                stream.reader,
                self.index,
                has_unet=stream.bundle.has_unet,
                size=(stream.shown.width, stream.shown.height),
                makes_up_detail=stream.makes_up_detail,
                has_post_filter=opening.pictures != "exact"
                and has_post_filter(stream.bundle.folder),
            )
            threads = opening.threads or usable_cores()
            shown = 3 * self.metadata.width * self.metadata.height
            count = pictures_ahead(opening.memory_limit, shown)
            # two threads that wait for each other's work would do it over and over where nothing
            # can be kept
            room = opening.memory_limit >= _ROOM * count * shown
            together = opening.read_ahead and threads > 1 and room
            helpers = threads - (2 if together else 1)
            self.latents = LatentSource(
                self.file, self.index, stream.bundle.tables, self.cache, helpers
            )
            self.networks = Networks(stream, opening.device, opening.threads, opening.pictures)
            self.bundle = stream.bundle
        except BaseException:
            self.file.close()
            raise
        parts = self.index, self.latents, self.cache, count
        self.ahead = ReadAhead(*parts, together=together) if opening.read_ahead else None
        # A reader that nobody holds any more is closed wherever the garbage collector runs, perhaps
        # under this very lock.
        self._users, self._lock = set[int](), threading.RLock()

    @property
    def is_inherited(self) -> bool:
        """Whether it came here by ``fork``, without its thread and perhaps with locks that nobody
        will open.
        """
        return self.process != os.getpid()

    def reopened(self) -> ReaderCore:
        """The same file opened once more.

        Raises ``ForkedReaderError`` where that cannot be, ``ContainerError`` where the file is
        another by now.
        """
        name = self.metadata.name
        if self.opening.reopenable is None:
            raise ForkedReaderError(
                f"{name}: this reader of a file object came here by fork: open another in this"
                " process"
            )
        core = ReaderCore(self.opening.reopenable)
        if replace(core.metadata, name=name) != self.metadata:
            core.file.close()
            raise ContainerError(f"{name}: it was replaced since this reader was opened")
        return core

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
        self.latents.close()
        self.cache.clear()
        self.file.close()
