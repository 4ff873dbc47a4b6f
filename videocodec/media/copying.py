"""What goes into a file beside its pictures, untouched: where it comes from."""

from __future__ import annotations

from bitstream.container import CopySource

from .source import VideoSource


def copied_from(video: VideoSource) -> CopySource | None:
    """Where sound and subtitles of a video come from; None for pictures, which have none."""
    if video.is_still or video.sequence is not None:
        return None
    return CopySource(video.path, video.track_index, video.clock)
