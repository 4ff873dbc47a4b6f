"""Targets of sources: tables of pictures in HEIF files; tags, chapters and subtitles."""

from __future__ import annotations

import io
import tempfile
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from bitstream.container import Labels
from bitstream.container.subtitles import TEXT_CODECS, as_mov_text
from videocodec.errors import InputError
from videocodec.media.heif import auxiliary_tracks, still_picture

from .guard import within

_SPARE = 1 << 20
_FACTOR = 400  # bytes of memory for each of the file: an item of a few bytes becomes some objects
_WRITTEN_EVERY = 64  # inputs whose labels are written into a file: that takes a millisecond
_NAMES = ("title", "comment", "location", "LOCATION-eng", "creation_time", "odd", "")
_MOST_CHAPTERS = 300  # of an input


def pictures(data: bytes) -> None:
    """A HEIF file: which picture and which alpha plane there are, or one named error."""
    with tempfile.NamedTemporaryFile(suffix=".heic", dir=_memory()) as file:
        file.write(data)
        file.flush()
        path = Path(file.name)
        with within(data, 1, lambda: _SPARE + _FACTOR * len(data)):
            try:
                still, tracks = still_picture(path), auxiliary_tracks(path)
            except InputError as error:
                assert "\n" not in str(error)
                return
        assert all(0 <= track < 1 << 32 for track in tracks)
        for grid in (still.grid, still.alpha_grid) if still else ():
            if grid is not None:
                assert grid.rows * grid.columns == len(grid.tiles) and grid.width and grid.height
        assert still is None or 0 <= still.quarter_turns < 4


def labels(data: bytes) -> None:
    """Tags, chapters and subtitles as a demuxer might give them: what is kept of them fits into an
    MP4 file.
    """
    with within(data, 2):
        labels = Labels.of(_Container(data))  # type: ignore[arg-type]
        part = labels.without_location().cut(Fraction(1), Fraction(5)).with_comment(["said"])
        assert part.location is None and all(0 <= one.begin < one.end <= 4 for one in part.chapters)
        assert all(isinstance(line, str) for line in labels.lost + part.lost)
        for codec in sorted(TEXT_CODECS):
            payload = as_mov_text(data, codec)
            assert int.from_bytes(payload[:2], "big") == len(payload) - 2
            payload[2:].decode()
        if zlib.crc32(data) % _WRITTEN_EVERY == 0:
            _written(part)


def _written(labels: Labels) -> None:
    """They come back from an MP4 file as they were."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        labels.write(output)
        stream = output.add_stream("mpeg4", rate=25, width=16, height=16)
        frame = av.VideoFrame(16, 16, "yuv420p")
        for packet in [*stream.encode(frame), *stream.encode()]:
            output.mux(packet)
    with av.open(io.BytesIO(file.getvalue()), "r", metadata_errors="replace") as container:
        assert len(Labels.of(container).chapters) <= len(labels.chapters)


class _Container:
    """What ``Labels.of`` asks of an open file, made of any bytes: a chapter of every nine, tags of
    what lies between.
    """

    def __init__(self, data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        self.metadata = {
            name: text[index * 5 : index * 5 + 40] for index, name in enumerate(_NAMES)
        }
        self._data = data

    def chapters(self) -> list[dict[str, Any]]:
        messages = []
        for place in range(0, min(len(self._data) - 8, 9 * _MOST_CHAPTERS), 9):
            begin, length, base = (
                int.from_bytes(self._data[place + at : place + at + 3], "big", signed=at < 6)
                for at in (0, 3, 6)
            )
            messages.append(
                {
                    "start": begin,
                    "end": begin + length,
                    "time_base": Fraction(1, base) if base else None,
                    "metadata": {"title": repr(self._data[place : place + 9])},
                }
            )
        return messages


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
