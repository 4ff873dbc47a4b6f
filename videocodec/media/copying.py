"""What goes into a file beside its pictures, untouched: where it comes from."""

from __future__ import annotations

from pathlib import Path

from bitstream.container import CopySource

from .source import SourceOptions, VideoSource


def copied_from(video: VideoSource) -> CopySource | None:
    """Where sound and subtitles of a video come from; None for pictures, which have none."""
    return None if video.is_still else CopySource(video.path, video.track_index, video.clock)


def copied_from_file(path: Path) -> CopySource | None:
    """The same for a file that is not open."""
    with VideoSource(path, options=SourceOptions(strict=False)) as video:
        return copied_from(video)
