"""The frames of the original beside those of a file that is played."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .video_frames import VideoFrames

_ROUNDING = 1e-6  # seconds


class SizeMismatchError(InputError):
    """Two videos that are to be compared have different sizes."""


class OriginalFrames:
    """The pictures of ``frames`` that belong to the frames of a file.

    width, height: of the file's pictures; the original must have the same (``SizeMismatchError``).
    times: of the file's frames, seconds.  A frame's original is the one nearest in time, if that
    is no further away than half the distance to the file's next frame; it has none where the
    original is shorter.
    """

    def __init__(
        self, frames: VideoFrames, width: int, height: int, times: Sequence[float]
    ) -> None:
        self.path, self.frames, self._wanted = frames.path, frames, times
        if (frames.width, frames.height) != (width, height):
            raise SizeMismatchError(
                f"{frames.path}: the original is {frames.width}×{frames.height}, the stream"
                f" {width}×{height}: give the clip that was encoded"
            )

    def rgb(self, index: int) -> npt.NDArray[np.uint8] | None:
        """The original (H, W, 3) uint8 RGB of frame ``index`` of the file, None if it has none.

        Read only.
        """
        number = self.number(index)
        return None if number is None else self.frames.rgb(number)

    def number(self, index: int) -> int | None:
        """Which frame of the original belongs to a frame of the file, None if none does."""
        time, times = self._wanted[index], self.frames.times
        place = bisect_left(times, time)
        near = [number for number in (place - 1, place) if 0 <= number < len(times)]
        best = min(near, key=lambda number: abs(times[number] - time))
        return best if abs(times[best] - time) <= self._reach(index) + _ROUNDING else None

    def _reach(self, index: int) -> float:
        neighbours = [other for other in (index - 1, index + 1) if 0 <= other < len(self._wanted)]
        distances = (abs(self._wanted[other] - self._wanted[index]) for other in neighbours)
        return min(distances, default=float("inf")) / 2
