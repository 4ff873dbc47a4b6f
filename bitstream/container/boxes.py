"""What an MP4 file's boxes say of its size: bytes of tables and of payload for every track, whether
the file is whole, and where captions are and a model is attached.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ContainerError
from .shared_file import SharedFile
from .table_checks import TableChecker, box_header, children
from .track_header import Size, declared_size

ATTACHED_MODEL_BOX = b"lvmd"
CAPTIONS_BOX = b"lvwd"
MAX_MOVIE_BYTES = 1 << 28  # of the boxes that are read into memory
# content that no reader looks at for tables
_OPAQUE = (b"mdat", b"free", b"skip", b"wide", b"uuid", ATTACHED_MODEL_BOX, CAPTIONS_BOX)


@dataclass(frozen=True)
class TrackSize:
    """One track: bytes of its ``trak`` box, and bytes of its samples by the sample size box.
    declared: width and height of what it shows, 16.16 fixed point; None if it says nothing.
    """

    table_bytes: int
    payload_bytes: int
    declared: Size | None = None


@dataclass(frozen=True)
class AttachedBox:
    """A box after the video: that of an attached model or of captions.  position: of its content in
    the file; bytes: of its content by the box's header, of which ``available`` are there;
    box_bytes: what it takes of the file.
    """

    position: int
    bytes: int
    available: int
    box_bytes: int


@dataclass(frozen=True)
class FileLayout:
    """tracks: in the order of the file.  is_whole: no box reaches past the end of the file, the
    attached model's apart, without which the video is complete.  attached_model: None where there
    is none.  captions: the same.
    """

    file_bytes: int
    tracks: tuple[TrackSize, ...]
    is_whole: bool
    attached_model: AttachedBox | None
    captions: AttachedBox | None = None


def read_layout(path: str | Path | SharedFile) -> FileLayout:
    """Walk the boxes of the MP4 file ``path``.

    Raises ``ContainerError`` if there is no complete moov box in it, or a table claims more than
    there can be.
    """
    file_bytes = path.size if isinstance(path, SharedFile) else os.stat(path).st_size
    movie, position, read = None, 0, 0
    attached: dict[bytes, AttachedBox] = {}
    checker = TableChecker(str(path), file_bytes)
    with path.view() if isinstance(path, SharedFile) else open(path, "rb") as file:
        while position < file_bytes:
            file.seek(position)
            kind, header, size = box_header(file.read(16), file_bytes - position)
            available = (
                min(size, file_bytes - position) if size >= header else file_bytes - position
            )
            if kind in _OPAQUE:
                checker.count_box()
            else:
                # Also a box that is cut short: FFmpeg reads what is there.
                read += available
                if read > MAX_MOVIE_BYTES:
                    raise ContainerError(
                        f"{path}: its tables take more than {MAX_MOVIE_BYTES} bytes: it is damaged,"
                        " copy it again"
                    )
                file.seek(position + header)
                content = memoryview(file.read(max(0, available - header)))
                checker.check(kind, content)
                if kind == b"moov" and size == available:
                    movie = content
            if kind in (ATTACHED_MODEL_BOX, CAPTIONS_BOX) and kind not in attached:
                attached[kind] = AttachedBox(
                    position + header, max(0, size - header), max(0, available - header), available
                )
                if size != available or size < header:
                    position = file_bytes
                    break
            if size < header:
                break
            position += size
    if movie is None:
        raise ContainerError(
            f"{path}: not an MP4 file, or cut short: there is no complete moov box in it"
        )
    tracks = tuple(
        TrackSize(size, _payload_bytes(body), declared_size(body))
        for kind, body, size in children(movie)
        if kind == b"trak"
    )
    return FileLayout(
        file_bytes,
        tracks,
        is_whole=position == file_bytes,
        attached_model=attached.get(ATTACHED_MODEL_BOX),
        captions=attached.get(CAPTIONS_BOX),
    )


def _payload_bytes(track: memoryview) -> int:
    """Sum of the sample sizes of a track, by its mdia/minf/stbl/stsz box."""
    body = track
    for wanted in (b"mdia", b"minf", b"stbl", b"stsz"):
        body = next(
            (content for kind, content, _ in children(body) if kind == wanted), memoryview(b"")
        )
    uniform, count = int.from_bytes(body[4:8], "big"), int.from_bytes(body[8:12], "big")
    if uniform:
        return uniform * count
    return int(np.frombuffer(body[12 : 12 + 4 * count], dtype=">u4").sum(dtype=np.uint64))
