"""Files that were cut short, found before the first frame is decoded.

Demuxers read such a file up to the cut and then simply report its end; only the tables in the file know better.
"""

from __future__ import annotations

from pathlib import Path

import av

_EBML_HEADER = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_JPEG_END = b"\xff\xd9"
_TAIL = 65536  # cameras append things after a JPEG's end marker


def is_cut_short(path: Path, container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> bool:
    """Whether the file ends before what its own tables promise. MP4/MOV, AVI, Matroska/WebM and JPEG are known; other
    formats do not say how long they should be, and give False."""
    size = path.stat().st_size
    names = set(container.format.name.split(","))
    if names & {"mov", "mp4", "avi"}:
        entries = stream.index_entries
        return len(entries) > 0 and entries[len(entries) - 1].pos + entries[len(entries) - 1].size > size
    if names & {"matroska", "webm"}:
        return size < _matroska_end(path)
    if stream.codec_context.name == "mjpeg" and names & {"image2", "jpeg_pipe"}:
        with path.open("rb") as file:
            file.seek(max(0, size - _TAIL))
            return _JPEG_END not in file.read()
    return False


def _matroska_end(path: Path) -> int:
    """Byte at which the segment should end, 0 when the file does not say (a live recording)."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not head.startswith(_EBML_HEADER):
        return 0
    length, position = _ebml_size(head, 4)
    if length is None or head[position + length : position + length + 4] != _SEGMENT:
        return 0
    length, position = _ebml_size(head, position + length + 4)
    return 0 if length is None else position + length


def _ebml_size(data: bytes, position: int) -> tuple[int | None, int]:
    """An EBML variable-length size (RFC 8794, section 4) and the position after it; None for "unknown" or no size at all."""
    if position >= len(data) or data[position] == 0:
        return None, position
    width = 9 - data[position].bit_length()
    mask = (1 << (7 * width)) - 1
    value = int.from_bytes(data[position : position + width], "big") & mask
    return (None if value == mask else value), position + width
