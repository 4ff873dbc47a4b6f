"""Opening an input: the file, its demuxer, and the one stream of it that is the video."""

from __future__ import annotations

import os
from pathlib import Path

import av

from ..errors import InputError
from .truncation import is_cut_short

# FFmpeg "plays" text files as terminal art
_TEXT_FORMATS = frozenset({"tty", "bin", "xbin", "adf", "idf"})
_NOT_THE_VIDEO = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails


def open_container(path: Path) -> av.container.InputContainer:
    """The demuxer of a file, once it is clear that it is an ordinary file with something in it.

    Raises ``InputError`` where it is not, or where FFmpeg cannot read it.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file: check the name")
    if path.is_dir():
        raise InputError(f"{path} is a directory: name one video file in it")
    if not path.is_file():
        raise InputError(
            f"{path} is no ordinary file, and it is read more than once: save it to a file first"
        )
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes): copy or record it again")
    try:
        # An absolute name, because FFmpeg takes what stands before a colon for a protocol.
        container = av.open(os.path.abspath(path), metadata_errors="replace")
    except MemoryError:
        raise  # which FFmpeg's errors have one of too: the video is not to blame
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: permission denied") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise InputError(
            f"{path} is not a video this program can read, or it is cut short: check that a"
            " player opens it"
        ) from error
    if container.format.name in _TEXT_FORMATS:
        container.close()
        raise InputError(f"{path} is a text file, not a video")
    return container


def open_stream(path: Path, container: av.container.InputContainer) -> av.video.stream.VideoStream:
    """The first video stream that is not the cover picture of a sound file, ready to decode.

    Raises ``InputError`` where there is none, where no decoder knows it, and where the file ends
    before its own tables say.
    """
    streams = [
        stream for stream in container.streams.video if not stream.disposition & _NOT_THE_VIDEO
    ]
    if not streams:
        if any(stream.type == "data" and stream.name == "bin_data" for stream in container.streams):
            raise InputError(
                f"{path} has no video stream: a latent-video file has to be decoded, not encoded"
            )
        found = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        raise InputError(
            f"{path} has no video stream (found: {found}): name a file that has pictures"
        )
    stream = streams[0]
    if stream.codec_context is None:
        raise InputError(f"{path}: no decoder for its video: convert it to a common codec first")
    if path.is_file() and is_cut_short(path, container, stream):
        raise InputError(
            f"{path} is damaged: it is cut short, its end is missing: copy or download it again"
        )
    stream.thread_type = "AUTO"
    # Streams of gradual refresh have no keyframe at all; like the ffmpeg program, take their
    # frames from the first on.
    stream.codec_context.flags |= av.codec.context.Flags.output_corrupt
    return stream
