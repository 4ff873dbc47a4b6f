"""What a long job tells its caller while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """frames_done of frames_total (None: unknown), bytes of coded video so far, seconds of video they cover."""

    frames_done: int
    frames_total: int | None
    video_bytes: int
    seconds_of_video: float


ProgressCallback = Callable[[Progress], None]
