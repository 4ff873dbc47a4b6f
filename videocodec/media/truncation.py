"""Files that were cut short, found before the first frame is decoded.

Demuxers read such a file up to the cut and then simply report its end; only the tables in the file
know better.
"""

from __future__ import annotations

from pathlib import Path

import av

_EBML_HEADER = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_JPEG_END = b"\xff\xd9"
_TAIL = 65536  # cameras append things after a JPEG's end marker


def what_is_missing(
    path: Path, container: av.container.InputContainer, stream: av.VideoStream
) -> str | None:
    """What a file lacks of what its own tables promise, in a few words; None if nothing.

    MP4/MOV (fragmented too), AVI, Matroska/WebM, y4m and JPEG are known; others (MPEG-TS, FLV, raw
    streams) do not say how long they should be.
    """
    size = path.stat().st_size
    names = set(container.format.name.split(","))
    expected = 0
    if names & {"mov", "mp4"}:
        expected = _mp4_needs(path, stream)
    elif "avi" in names:
        expected = _riff_end(path)
    elif names & {"matroska", "webm"}:
        expected = _matroska_end(path)
    if expected > size:
        return f"it is cut short: {size} bytes of {expected} are there"
    if "yuv4mpegpipe" in names and _ends_inside_a_y4m_frame(path, stream):
        return f"it is cut short: {size} bytes are no whole number of frames"
    if stream.codec_context.name == "mjpeg" and names & {"image2", "jpeg_pipe"}:
        with path.open("rb") as file:
            file.seek(max(0, size - _TAIL))
            if _JPEG_END not in file.read():
                return f"it is cut short: the picture does not end within its {size} bytes"
    return None


def _mp4_needs(path: Path, stream: av.VideoStream) -> int:
    """Bytes that a file must have for its pictures to be whole.

    Where the movie's tables name every sample, nothing after the last of them matters: recorders
    let ``mdat`` claim more than they write.  Fragments say only by their boxes how long they are.
    """
    end, fragmented = _mp4_end(path)
    entries = stream.index_entries
    if len(entries) == 0 or fragmented:
        return end
    return max(entry.pos + entry.size for entry in entries)


def _mp4_end(path: Path) -> tuple[int, bool]:
    """Byte at which the last top-level box should end (ISO/IEC 14496-12, section 4.2), and whether
    there are fragments; what is no box counts for nothing.
    """
    size, position, fragmented = path.stat().st_size, 0, False
    with path.open("rb") as file:
        while position < size:
            file.seek(position)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length < 8 or not head[4:8].isalnum():
                break
            fragmented = fragmented or head[4:8] == b"moof"
            position += length
    return position, fragmented


def _riff_end(path: Path) -> int:
    """Byte at which the first RIFF chunk should end, 0 when it does not say (a recording that was
    not closed).
    """
    with path.open("rb") as file:
        head = file.read(12)
    return (
        8 + int.from_bytes(head[4:8], "little")
        if head[:4] == b"RIFF" and head[4:8] != b"\xff" * 4 and any(head[4:8])
        else 0
    )


def _ends_inside_a_y4m_frame(path: Path, stream: av.video.stream.VideoStream) -> bool:
    """Whether the bytes after the stream header are no whole number of frames, where frame headers
    have no parameters.
    """
    with path.open("rb") as file:
        header, marker = file.readline(4096), file.readline(16)
    context = stream.codec_context
    if marker != b"FRAME\n" or context.format is None:
        return False
    planes = sum(
        part.width * part.height * -(-part.bits // 8) for part in context.format.components
    )
    return (path.stat().st_size - len(header)) % (len(marker) + planes) != 0


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
    """An EBML variable-length size (RFC 8794, section 4) and the position after it; None for
    "unknown" or no size at all.
    """
    if position >= len(data) or data[position] == 0:
        return None, position
    width = 9 - data[position].bit_length()
    mask = (1 << (7 * width)) - 1
    value = int.from_bytes(data[position : position + width], "big") & mask
    return (None if value == mask else value), position + width
