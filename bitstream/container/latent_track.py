"""Which track of an MP4 file is the latent one."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import av

from ..access_unit import checksum_holds, peek_is_keyframe
from ..errors import ContainerError
from ..sequence_header import MAGIC
from .media_input import LATENT_CODEC, MP4_ALONE, open_input, packets_within
from .shared_file import SharedFile

# FFmpeg drops samples that an edit list puts before time zero, and these are needed to decode the
# ones after it.
KEEP_ALL_SAMPLES = {"advanced_editlist": "0"}


def intact_keyframe(
    path: str | Path | SharedFile, stream_index: int, file_bytes: int
) -> bytes | None:
    """The first keyframe of a track whose checksum holds."""
    with (
        open_input(path, **KEEP_ALL_SAMPLES, **MP4_ALONE) as container,
        suppress(av.FFmpegError, OSError, ContainerError),
    ):
        for packet in packets_within(
            container.demux(container.streams[stream_index]), file_bytes, path
        ):
            data = bytes(packet)
            if begins_keyframe(data) and checksum_holds(data):
                return data
    return None


def begins_keyframe(data: bytes) -> bool:
    """Whether bytes begin as a keyframe's access unit does."""
    return peek_is_keyframe(data) and data[1 : 1 + len(MAGIC)] == MAGIC


def find_latent_track(
    path: str | Path | SharedFile, container: av.container.InputContainer, file_bytes: int
) -> tuple[int, bytes]:
    """Index of the latent track and the bytes of its first access unit."""
    candidates = [stream for stream in container.streams.data if stream.name == LATENT_CODEC]
    first: dict[int, bytes] = {}
    try:
        for packet in (
            packets_within(container.demux(candidates), file_bytes, path) if candidates else ()
        ):
            first.setdefault(packet.stream.index, bytes(packet))
            if len(first) == len(candidates):
                break
    except (av.FFmpegError, OSError) as error:
        raise ContainerError(f"{path}: cannot be read ({error})") from error
    # Other data tracks exist, of action cameras for one: ours begins with a keyframe, and that with
    # a sequence header.
    for index, data in sorted(first.items()):
        if begins_keyframe(data):
            return index, data
    # Its beginning may be damaged or missing.
    for index, data in sorted(first.items()):
        if intact_keyframe(path, index, file_bytes) is not None:
            return index, data
    raise ContainerError(not_ours(path, container, "no latent-video track in it that can be read"))


def not_ours(
    path: str | Path | SharedFile, container: av.container.InputContainer, otherwise: str
) -> str:
    """What to say of a file without a latent track: ``otherwise``, if it is no video either."""
    if container.streams.video:
        return f"{path} is an ordinary video, not a latent-video file: encode it first"
    return f"{path}: {otherwise}"
