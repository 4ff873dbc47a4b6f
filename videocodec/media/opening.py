"""Opening an input: the file, its demuxer, and the one stream of it that is the video."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import av

from ..errors import InputError
from .choice import choose_track, is_item
from .heif import StillPicture, auxiliary_tracks, still_picture
from .options import SourceOptions
from .stills import refuse_unreadable
from .truncation import what_is_missing

# FFmpeg "plays" text files as terminal art
_TEXT_FORMATS = frozenset({"tty", "bin", "xbin", "adf", "idf"})
_PICTURE_FORMATS = frozenset({"image2"})  # and every demuxer whose name ends in "_pipe"
_ANIMATED = 0x02  # a flag of VP8X, WebP container specification


def open_container(path: Path) -> av.container.InputContainer:
    """The demuxer of a file, once it is clear that it is an ordinary file with something in it.

    Raises ``InputError`` where it is not, or where FFmpeg cannot read it.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file: check the name")
    if path.is_dir():
        raise InputError(f"{path} is a directory: name one file in it")
    if not path.is_file():
        raise InputError(
            f"{path} is no ordinary file, and it is read more than once: save it to a file first,"
            " or give it to the command as standard input, -"
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


@dataclass(frozen=True)
class Opened:
    """stream: of the video, ready to decode.
    still: the picture of a HEIF file, where that is what it holds.
    missing: what is missing of the file, None if nothing is.
    """

    stream: av.VideoStream
    still: StillPicture | None
    missing: str | None


def open_stream(
    path: Path, container: av.container.InputContainer, options: SourceOptions
) -> Opened:
    """The video of a file: the track that ``choose_track`` chooses or, in a HEIF file without
    tracks, the primary item.

    Raises ``InputError`` where there is none, where no decoder knows it, and with
    ``options.strict`` where the file ends before its own tables say.
    """
    stream, still = choose_track(container, auxiliary_tracks(path)), None
    if stream is None and (still := still_picture(path)) is not None:
        refuse_unreadable(path, still, options)
        items = {item.id: item for item in container.streams.video if is_item(item)}
        stream = items.get(still.grid.tiles[0] if still.grid else still.item)
    if stream is None:
        raise _without_video(path, container)
    if stream.codec_context is None:
        raise InputError(f"{path}: no decoder for its video: convert it to a common codec first")
    missing = what_is_missing(path, container, stream)
    if missing is not None and options.strict:
        raise InputError(f"{path} is damaged: {missing}: copy or download it again")
    # A decoder with a thread for every frame loses those in its other threads with a broken packet.
    stream.thread_type = "AUTO" if options.strict else "SLICE"
    # Streams of gradual refresh have no keyframe at all; like the ffmpeg program, take their
    # frames from the first on.
    stream.codec_context.flags |= av.codec.context.Flags.output_corrupt
    return Opened(stream, still, missing)


def is_picture(container: av.container.InputContainer, opened: Opened) -> bool:
    """Whether what was opened is a still picture."""
    name = container.format.name
    return opened.still is not None or name in _PICTURE_FORMATS or name.endswith("_pipe")


def _without_video(path: Path, container: av.container.InputContainer) -> InputError:
    if any(stream.type == "data" and stream.name == "bin_data" for stream in container.streams):
        return InputError(
            f"{path} has no video stream: a latent-video file has to be decoded, not encoded"
        )
    kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
    return InputError(f"{path} has no video stream (found: {kinds}): name a file that has pictures")


def why_nothing_decodes(path: Path) -> str:
    """What to say of a file in which there is a video, but no frame of it."""
    with path.open("rb") as file:
        head = file.read(21)
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and head[20:] and head[20] & _ANIMATED:
        return (
            "it is an animated WebP, which the installed PyAV does not decode: convert it to GIF or"
            " a video first"
        )
    return "no frame can be decoded: it is empty or damaged"
