"""What an MP4 file's boxes say of its size: bytes of tables and of payload for every track, whether the file is whole, and where a model
is attached to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import ContainerError
from .shared_file import SharedFile

ATTACHED_MODEL_BOX = b"lvmd"
MAX_MOVIE_BYTES = 1 << 28  # of the moov box, which is read into memory


@dataclass(frozen=True)
class TrackSize:
    """One track: bytes of its ``trak`` box, and bytes of its samples by the sample size box."""

    table_bytes: int
    payload_bytes: int


@dataclass(frozen=True)
class AttachedBox:
    """The box of an attached model.  position: of its content in the file; bytes: of its content by the box's header, of which
    ``available`` are there; box_bytes: what it takes of the file."""

    position: int
    bytes: int
    available: int
    box_bytes: int


@dataclass(frozen=True)
class FileLayout:
    """tracks: in the order of the file.  is_whole: no box reaches past the end of the file, the attached model's apart, without which the
    video is complete.  attached_model: None where there is none."""

    file_bytes: int
    tracks: tuple[TrackSize, ...]
    is_whole: bool
    attached_model: AttachedBox | None


def read_layout(path: str | Path | SharedFile) -> FileLayout:
    """Walk the boxes of the MP4 file ``path``.  Raises ``ContainerError`` if there is no complete moov box in it."""
    file_bytes = path.size if isinstance(path, SharedFile) else os.stat(path).st_size
    movie, model, position = None, None, 0
    with path.view() if isinstance(path, SharedFile) else open(path, "rb") as file:
        while position < file_bytes:
            file.seek(position)
            kind, header, size = _box_header(file.read(16), file_bytes - position)
            if kind == b"moov" and header <= size <= min(file_bytes - position, MAX_MOVIE_BYTES):
                file.seek(position + header)
                movie = file.read(size - header)
            if kind == ATTACHED_MODEL_BOX and model is None:
                there = min(size, file_bytes - position) if size >= header else file_bytes - position
                model = AttachedBox(position + header, max(0, size - header), max(0, there - header), there)
                if size != there or size < header:
                    position = file_bytes
                    break
            if size < header:
                break
            position += size
    if movie is None:
        raise ContainerError(f"{path}: not an MP4 file, or cut short: there is no complete moov box in it")
    tracks = tuple(TrackSize(size, _payload_bytes(body)) for kind, body, size in _children(movie) if kind == b"trak")
    return FileLayout(file_bytes, tracks, is_whole=position == file_bytes, attached_model=model)


def _box_header(data: bytes, available: int) -> tuple[bytes, int, int]:
    """Type, bytes of the header and bytes of the whole box, of which ``available`` are there; (b"", 8, 0) if too short."""
    if len(data) < 8:
        return b"", 8, 0
    size, kind = int.from_bytes(data[:4], "big"), data[4:8]
    if size == 1 and len(data) >= 16:
        return kind, 16, int.from_bytes(data[8:16], "big")
    return kind, 8, size or available  # size 0: the box reaches to the end of the file


def _children(body: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Type, content and size of every box in ``body``; stops at one that does not fit."""
    position = 0
    while position < len(body):
        kind, header, size = _box_header(body[position : position + 16], len(body) - position)
        if not header <= size <= len(body) - position:
            return
        yield kind, body[position + header : position + size], size
        position += size


def _payload_bytes(track: bytes) -> int:
    """Sum of the sample sizes of a track, by its mdia/minf/stbl/stsz box."""
    body = track
    for wanted in (b"mdia", b"minf", b"stbl", b"stsz"):
        body = next((content for kind, content, _ in _children(body) if kind == wanted), b"")
    uniform, count = int.from_bytes(body[4:8], "big"), int.from_bytes(body[8:12], "big")
    if uniform:
        return uniform * count
    table = body[12 : 12 + 4 * count]
    return sum(int.from_bytes(table[i : i + 4], "big") for i in range(0, len(table), 4))
