"""What a long job tells its caller while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """frames_done of frames_total (None: unknown), bytes of coded video so far, seconds of video
    they cover, all in pass ``pass_number`` of ``passes`` (as many as are known to be needed).
    """

    frames_done: int
    frames_total: int | None
    video_bytes: int
    seconds_of_video: float
    pass_number: int = 1
    passes: int = 1


ProgressCallback = Callable[[Progress], None]
