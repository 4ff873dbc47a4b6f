"""The clean aperture of a track in MP4 and MOV (``clap``, ISO/IEC 14496-12, section 12.1.4): the
part of its pictures that is to be shown.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.filter import Graph

from bitstream.container.table_checks import box_header, children

_LARGEST_TABLE = 64 << 20  # bytes
_MOST_BOXES = 256  # at the top of a file, before ``moov``
_VISUAL_ENTRY = 78  # bytes of a sample entry before its boxes


@dataclass(frozen=True)
class Aperture:
    """A part of a picture, px."""

    left: int
    top: int
    width: int
    height: int

    def cropped(self, frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        """The part of each frame; frames in which it does not lie stay as they are."""
        graph, shape = Graph(), None
        for frame in frames:
            if self.left + self.width > frame.width or self.top + self.height > frame.height:
                yield frame
                continue
            if shape != (frame.width, frame.height, frame.format.name):
                shape = frame.width, frame.height, frame.format.name
                graph = self._graph(frame)
            base = frame.time_base
            graph.push(frame)
            part = graph.vpull()
            part.time_base = base
            yield part

    def _graph(self, frame: av.VideoFrame) -> Graph:
        graph = Graph()
        source = graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=frame.time_base or Fraction(1, 90000),
        )
        crop = graph.add("crop", f"{self.width}:{self.height}:{self.left}:{self.top}")
        graph.link_nodes(source, crop, graph.add("buffersink")).configure()
        return graph


def aperture_of(path: Path, stream: av.VideoStream) -> Aperture | None:
    """The clean aperture of a track; None where there is none, or none within its pictures."""
    if "mov" not in stream.container.format.name.split(","):
        return None
    try:
        content = _clap(path, stream.id)
        if content is None:
            return None
        terms = struct.unpack(">IIIIiIiI", content[:32])
        width, height, across, down = (
            Fraction(*pair) for pair in zip(terms[::2], terms[1::2], strict=True)
        )
    except (ValueError, struct.error, ZeroDivisionError, OSError):
        return None
    left = round(across + Fraction(stream.width - 1, 2) - Fraction(width - 1, 2))
    top = round(down + Fraction(stream.height - 1, 2) - Fraction(height - 1, 2))
    aperture = Aperture(left, top, int(width), int(height))
    whole = (stream.width, stream.height) == (aperture.width, aperture.height)
    inside = (
        0 <= left <= stream.width - aperture.width and 0 <= top <= stream.height - aperture.height
    )
    return aperture if inside and not whole and aperture.width > 0 and aperture.height > 0 else None


def _clap(path: Path, track: int) -> bytes | None:
    movie = _movie(path)
    for kind, box, _ in children(movie) if movie is not None else ():
        parts = {name: inner for name, inner, _ in children(box)} if kind == b"trak" else {}
        header = bytes(parts.get(b"tkhd", b"")[:24])
        place = 20 if header[:1] == b"\1" else 12
        if int.from_bytes(header[place : place + 4], "big") != track or b"mdia" not in parts:
            continue
        inner = parts[b"mdia"]
        for wanted in (b"minf", b"stbl", b"stsd"):
            inner = {name: part for name, part, _ in children(inner)}.get(wanted, memoryview(b""))
        for _, entry, _ in children(inner[8:]):
            for name, part, _ in children(entry[_VISUAL_ENTRY:]):
                if name == b"clap":
                    return bytes(part)
    return None


def _movie(path: Path) -> memoryview | None:
    size, position = path.stat().st_size, 0
    with path.open("rb") as file:
        for _ in range(_MOST_BOXES):
            file.seek(position)
            kind, header, length = box_header(file.read(16), size - position)
            if length < header or position + length > size:
                return None
            if kind == b"moov":
                if length > _LARGEST_TABLE:
                    return None
                file.seek(position + header)
                return memoryview(file.read(length - header))
            position += length
    return None
