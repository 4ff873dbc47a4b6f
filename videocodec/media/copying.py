"""What goes into a file beside its pictures, untouched: where it comes from."""

from __future__ import annotations

from bitstream.container import CopySource, rehearse_copy

from .source import VideoSource


def copied_from(video: VideoSource) -> CopySource | None:
    """Where sound and subtitles of a video come from; None for pictures, which have none."""
    if video.is_still or video.sequence is not None:
        return None
    return CopySource(video.path, video.track_index, video.clock)


def check_tracks(video: VideoSource, *, strict: bool) -> None:
    """Raise ``ContainerError`` for sound and subtitles that would stop the writing of a
    latent-video file, before any frame is coded.

    strict: whether it is an error where they cannot be read on, which is found out by reading all
    of them; without it they end there.
    """
    copied = copied_from(video)
    if copied is not None:
        rehearse_copy(copied, "mp4", may_end=not strict)
