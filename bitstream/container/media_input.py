"""Opening media files, and reading no more of them than there is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
from av.packet import Packet
from av.stream import Stream

from ..errors import ContainerError
from .shared_file import SharedFile, check_is_file

LATENT_CODEC = "bin_data"  # FFmpeg's name for what the latent track is coded as
# options of open_input: no format that opens other files
MP4_ALONE = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2"}


def open_input(path: str | Path | SharedFile, **options: str) -> av.container.InputContainer:
    """Open a media file, or raise ``ContainerError`` with its name."""
    if not isinstance(path, SharedFile):
        check_is_file(path)
    try:
        # An absolute name, because FFmpeg takes what stands before a colon for a protocol.
        source = path.view() if isinstance(path, SharedFile) else os.path.abspath(path)
        return av.open(source, "r", options=options, metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise ContainerError(
            f"{path}: not a file this program can read ({error.strerror}): check the name, or copy"
            " it again"
        ) from error


def packets_within(
    packets: Iterable[Packet[Stream]], limit: int, name: object
) -> Iterator[Packet[Stream]]:
    """Packets until they have more than ``limit`` bytes together; then ``ContainerError`` with the
    name of the file.

    Tables may lead to the same bytes any number of times: a file of 300 kB would give hundreds of
    GB.
    """
    left = limit
    for packet in packets:
        left -= packet.size
        if left < 0:
            raise ContainerError(
                f"{name}: its tables lead to the same bytes again and again: it is damaged, copy it"
                " again"
            )
        yield packet
