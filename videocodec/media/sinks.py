"""Where decoded frames go, chosen by the name of the target."""

from __future__ import annotations

import os
from pathlib import Path

from bitstream.container import Labels
from bitstream.sequence_header import SequenceHeader

from ..errors import OutputError
from .container_sink import CONTAINER_FORMATS, ContainerSink, CopiedTracks
from .disclosure import Disclosure
from .frame_sink import FrameSink
from .png_sink import PngSink, is_picture_pattern
from .y4m_sink import STANDARD_OUTPUT, Y4mSink


def open_sink(
    target: str | Path,
    header: SequenceHeader,
    *,
    tracks: CopiedTracks | None = None,
    labels: Labels | None = None,
    disclosure: Disclosure | None = None,
    overwrite: bool = False,
    threads: int | None = None,
) -> FrameSink:
    """The sink for a target, by its name.

    The target is ``.mp4``, ``.mov`` or ``.mkv`` (H.264 with sound and subtitles), ``.y4m``, ``-``
    (y4m on standard output), or a pattern of pictures such as ``frames/%05d.png``.

    ``header`` gives frame size, colour, time base, rotation and aspect ratio. ``tracks`` says what
    sound and subtitles are copied.
    ``labels`` are tags and chapters of the file, ``disclosure`` is what its metadata say of where
    the pictures come from. ``threads``: of what encodes, by default as many as it likes.

    Raises ``OutputExistsError`` when the target exists and ``overwrite`` is false, ``OutputError``
    when it cannot be made or its kind is unknown.
    """
    name = str(target)
    suffix = Path(name).suffix.lower()
    if suffix in CONTAINER_FORMATS:
        return ContainerSink(
            Path(name),
            header,
            tracks=tracks,
            labels=labels,
            disclosure=disclosure,
            overwrite=overwrite,
            threads=threads,
        )
    if name == STANDARD_OUTPUT or suffix == ".y4m":
        return Y4mSink(name, header, disclosure=disclosure, overwrite=overwrite)
    if is_picture_pattern(name):
        return PngSink(
            name, header.width, header.height, disclosure=disclosure, overwrite=overwrite
        )
    choices = (
        "a name ending in .mp4, .mov, .mkv or .y4m, a pattern such as frames/%05d.png, or - for y4m"
        " on standard output"
    )
    raise OutputError(f"{name}: unknown kind of output: give {choices}")


def keeps_rotation(target: str | Path) -> bool:
    """Whether players will turn the pictures in this target as the header says."""
    return Path(target).suffix.lower() in CONTAINER_FORMATS


def would_collide(first: str | Path, second: str | Path, frames: int) -> bool:
    """Whether two outputs of that many frames have a file in common, or standard output."""
    if STANDARD_OUTPUT in (str(first), str(second)):
        return str(first) == str(second)
    if Path(first).exists() and Path(second).exists() and Path(first).samefile(second):
        return True
    return not _files(first, frames).isdisjoint(_files(second, frames))


def _files(target: str | Path, frames: int) -> set[str]:
    """The files of an output."""
    names = [str(target)]
    if is_picture_pattern(str(target)):
        names = [
            str(Path(target).with_name(Path(target).name % number))
            for number in range(1, frames + 1)
        ]
    return {os.path.normcase(os.path.realpath(name)) for name in names}
