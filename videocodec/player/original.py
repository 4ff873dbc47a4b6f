"""The frames of the original beside those of the stream: random access into an ordinary video."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..media.source import UnconvertedFrame, VideoSource

_CACHE_BYTES = 128 << 20
_KEPT_ON_THE_WAY = 32  # frames before the one asked for, which whoever steps backwards wants next
_ROUNDING = 1e-6  # seconds


class SizeMismatchError(InputError):
    """The original has another size than the stream."""


class OriginalFrames:
    """The pictures of ``path`` that belong to the frames of a stream.

    width, height: of the stream; the original must have the same (``SizeMismatchError``).  times:
    ``pts_seconds`` of the stream's frames. A frame's original is the one nearest in time, if that
    is no further away than half the distance to the stream's next frame; it has none where the
    original is shorter.

    Read from the beginning on, so what lies far ahead, or far behind, takes as long as decoding the
    original up to there.  Pictures become RGB as for encoding (``VideoSource``), and some are kept,
    up to 128 MB.  Thread safe.  Raises ``InputError`` for what cannot be read.
    """

    def __init__(self, path: str | Path, width: int, height: int, times: Sequence[float]) -> None:
        self.path = Path(path)
        self._wanted = times
        self._lock = threading.Lock()
        self._cache: OrderedDict[int, np.ndarray] = OrderedDict()
        self._capacity = max(2, _CACHE_BYTES // (width * height * 3))
        self._times: list[float] = []  # of the frames of the original that were read so far
        self._complete = False
        self._source: VideoSource | None = VideoSource(path)
        if (self._source.width, self._source.height) != (width, height):
            size = f"{self._source.width}×{self._source.height}"
            self._close()
            raise SizeMismatchError(
                f"{path}: the original is {size}, the stream {width}×{height}: give the clip that"
                " was encoded"
            )
        self._frames: Iterator[UnconvertedFrame] = self._source.unconverted()
        self._position = 0

    def rgb(self, index: int) -> np.ndarray | None:
        """The original (H, W, 3) uint8 RGB of frame ``index`` of the stream, None if it has none.

        Read only.
        """
        with self._lock:
            number = self._number(index)
            if number is None:
                return None
            if number not in self._cache:
                self._convert_up_to(number)
            self._cache.move_to_end(number)
            return self._cache[number]

    def close(self) -> None:
        """Close the file; asking for frames opens it again."""
        with self._lock:
            self._close()

    def _number(self, index: int) -> int | None:
        """Which frame of the original belongs to a frame of the stream."""
        time = self._wanted[index]
        while not self._complete and (not self._times or self._times[-1] < time):
            self._convert_up_to(max(self._position, len(self._times)), only=time)
        place = bisect_left(self._times, time)
        near = [number for number in (place - 1, place) if 0 <= number < len(self._times)]
        best = min(near, key=lambda number: abs(self._times[number] - time), default=None)
        return (
            None
            if best is None or abs(self._times[best] - time) > self._reach(index) + _ROUNDING
            else best
        )

    def _reach(self, index: int) -> float:
        neighbours = [other for other in (index - 1, index + 1) if 0 <= other < len(self._wanted)]
        return (
            min(
                (abs(self._wanted[other] - self._wanted[index]) for other in neighbours),
                default=float("inf"),
            )
            / 2
        )

    def _convert_up_to(self, number: int, only: float | None = None) -> None:
        """Read on, from the beginning if need be, until frame ``number`` has been read; convert it
        and the few before it.

        only: convert nothing that is shown more than those few frames before this time.
        """
        if self._source is None or number < self._position:
            self._close()
            self._source = VideoSource(self.path)
            self._frames, self._position = self._source.unconverted(), 0
        while self._position <= number:
            frame = next(self._frames, None)
            if frame is None:
                self._complete = True
                if number < len(self._times):
                    raise InputError(
                        f"{self.path}: frame {number} is gone: the file has changed: start again"
                    )
                return
            time = float(frame.pts * self._source.time_base)
            if self._position == len(self._times):
                self._times.append(time)
            distance = (
                number - self._position
                if only is None
                else (only - time) * float(self._source.frame_rate or 25)
            )
            if distance <= min(_KEPT_ON_THE_WAY, self._capacity // 2):
                self._keep(self._position, frame.rgb())
            self._position += 1

    def _keep(self, number: int, rgb: np.ndarray) -> None:
        rgb.flags.writeable = False
        self._cache[number] = rgb
        self._cache.move_to_end(number)
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)

    def _close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None
