"""Any frame of an ordinary video file, by number: random access with a cache."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av.video.frame import PictureType

from ..errors import InputError
from ..media.source import UnconvertedFrame, VideoSource
from .frame_table import FrameTable, read_table

CACHE_BYTES = 128 << 20
_KEPT_ON_THE_WAY = 32  # frames before the one asked for, which whoever steps backwards wants next


class VideoFrames:
    """The pictures of a file as RGB, as for encoding (``VideoSource``).  Thread safe.

    Decoding begins at the keyframe before the frame that is asked for.  Some pictures are kept, up
    to 128 MB.  Raises ``InputError`` and ``UnsupportedInputError`` as ``VideoSource`` does.

    Attributes:
        path: of the file.
        table: its frames.
        times: when they are shown, seconds.
        source: the facts of the file; it is closed.

    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with VideoSource(path) as self.source:
            self.width, self.height = self.source.width, self.source.height
        self.table: FrameTable = read_table(self.path)
        self.times = [float(pts * self.table.time_base) for pts in self.table.pts]
        self._numbers = {pts: number for number, pts in enumerate(self.table.pts)}
        self._lock = threading.Lock()
        self._cache: OrderedDict[int, npt.NDArray[np.uint8]] = OrderedDict()
        self._capacity = max(2, CACHE_BYTES // (self.width * self.height * 3))
        self._reading: _SeekableSource | None = None
        self._frames: Iterator[UnconvertedFrame] = iter(())
        self._position = 0  # the frame that comes next, at the earliest

    def __len__(self) -> int:
        return len(self.table)

    def rgb(self, number: int) -> npt.NDArray[np.uint8]:
        """(H, W, 3) uint8, read only."""
        with self._lock:
            if number not in self._cache:
                self._read(number)
            self._cache.move_to_end(number)
            return self._cache[number]

    def close(self) -> None:
        """Close the file; asking for frames opens it again."""
        with self._lock:
            self._close()

    def _read(self, number: int) -> None:
        begin = self.table.keyframe_before(number) if self.table.seekable else 0
        if self._reading is None or number < self._position or begin > self._position:
            try:
                self.begin_at(begin)
                if self._advance(number):
                    return
            except InputError:
                if not begin:
                    raise
            if begin:  # it does not begin where the file says: streams of gradual refresh do not
                self.begin_at(0)
        if not self._advance(number):
            raise InputError(
                f"{self.path}: frame {number} cannot be found: it is damaged, or has changed"
            )

    def begin_at(self, number: int) -> None:
        """Read on from a keyframe, by its number; 0 is the beginning of the file."""
        self._close()
        self._reading = _SeekableSource(self.path)
        self._frames = (
            self._reading.from_keyframe(self.table.pts[number])
            if number
            else self._reading.unconverted()
        )
        self._position = number

    def _advance(self, number: int) -> bool:
        """Read on to a frame, and convert it and the few before it → whether it came."""
        nearest = number - min(_KEPT_ON_THE_WAY, self._capacity // 2)
        for frame in self._frames:
            number_read = self._numbers.get(frame.pts)
            if number_read is None or number_read < self._position:
                continue  # before the keyframe, of the group before it
            self._position = number_read + 1
            if nearest <= number_read <= number:
                self._keep(number_read, frame.rgb())
            if number_read >= number:
                return number_read == number
        return False

    def _keep(self, number: int, rgb: npt.NDArray[np.uint8]) -> None:
        rgb.flags.writeable = False
        self._cache[number] = rgb
        self._cache.move_to_end(number)
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)

    def _close(self) -> None:
        self._frames = iter(())
        if self._reading is not None:
            self._reading.close()
            self._reading = None


class _SeekableSource(VideoSource):
    """A source that can be read from any of its keyframes on."""

    def from_keyframe(self, pts: int) -> Iterator[UnconvertedFrame]:
        """The frames from a keyframe on, with the file's own timestamps; some of the frames before
        it may come first.

        Raises ``InputError`` where what is called a keyframe needs frames before it.
        """
        self._close_frames()
        self._container.seek(pts, stream=self._stream)
        self._decoder.frame_count = 0  # what cannot be decoded before the first is passed over
        for frame in self._decoder.frames():
            if frame.pts is not None:
                self._convert.check(frame, self._decoder.frame_count - 1)
                if frame.pts == pts and frame.pict_type in (PictureType.P, PictureType.B):
                    raise InputError(f"{self.path}: its pictures are refreshed little by little")
                yield UnconvertedFrame(frame.pts, 1, partial(self._convert, frame))
