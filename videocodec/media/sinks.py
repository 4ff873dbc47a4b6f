"""Where decoded frames go, chosen by the name of the target."""

from __future__ import annotations

from pathlib import Path

from bitstream.sequence_header import SequenceHeader
from videocodec.errors import OutputError
from videocodec.media.container_sink import CONTAINER_FORMATS, ContainerSink
from videocodec.media.frame_sink import FrameSink
from videocodec.media.png_sink import PngSink, is_picture_pattern
from videocodec.media.y4m_sink import STANDARD_OUTPUT, Y4mSink


def open_sink(target: str | Path, header: SequenceHeader, *, sound_from: str | Path | None = None, overwrite: bool = False) -> FrameSink:
    """The sink for a target: ``.mp4``, ``.mov`` or ``.mkv`` (H.264, with the sound and subtitles of `sound_from`), ``.y4m``,
    ``-`` (y4m on standard output), or a folder of pictures such as ``frames/%05d.png``.

    `header` gives frame size, colour, time base, rotation and aspect ratio. Raises `OutputExistsError` when the target
    exists and `overwrite` is false, `OutputError` when it cannot be made or its kind is unknown.
    """
    name = str(target)
    suffix = Path(name).suffix.lower()
    if suffix in CONTAINER_FORMATS:
        sound = None if sound_from is None else Path(sound_from)
        return ContainerSink(Path(name), header, sound_from=sound, overwrite=overwrite)
    if name == STANDARD_OUTPUT or suffix == ".y4m":
        return Y4mSink(name, header, overwrite=overwrite)
    if is_picture_pattern(name):
        return PngSink(name, header.width, header.height, overwrite=overwrite)
    choices = "a name ending in .mp4, .mov, .mkv or .y4m, a pattern such as frames/%05d.png, or - for y4m on standard output"
    raise OutputError(f"{name}: unknown kind of output: give {choices}")
