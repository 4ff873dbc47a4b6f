"""The size at which a picture is shown, in the header of the latent track (FORMAT.md, section 1).

The box ``tkhd`` of ISO/IEC 14496-12 ends with the width and the height of what the track shows,
16.16 fixed point each.  FFmpeg writes 0 there for tracks like ours, which says nothing.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import ContainerError
from ..sequence_header import MAX_PIXELS, MAX_SIDE
from .table_checks import box_header, children

MAX_MAGNIFICATION = 4  # of a side
_SIZE_BYTES = 8  # of both sides
_FRACTION_BITS = 16
_TRACK_HEADER_BYTES = (84, 96)  # of the content, by version

Size = tuple[int, int]  # width and height, px


def declared_size(track: memoryview) -> Size | None:
    """What the header of a track (the content of a ``trak`` box) says, to the pixel; None if it
    says nothing.
    """
    for kind, content, _ in children(track):
        if kind == b"tkhd" and len(content) in _TRACK_HEADER_BYTES:
            ends = content[-_SIZE_BYTES:]
            width, height = (
                int.from_bytes(ends[start : start + _SIZE_BYTES // 2], "big") >> _FRACTION_BITS
                for start in (0, _SIZE_BYTES // 2)
            )
            return (width, height) if width or height else None
    return None


def declare_size(path: Path, track_index: int, size: Size) -> None:
    """Write a size into the header of a track of a finished MP4 file.

    Raises ``ContainerError`` if there is no such header.
    """
    with path.open("r+b") as file:
        position, end = 0, path.stat().st_size
        while position < end:
            file.seek(position)
            kind, header, length = box_header(file.read(16), end - position)
            if kind == b"moov":
                file.seek(position + header)
                movie = bytearray(file.read(length - header))
                _fill_in(memoryview(movie), track_index, size)
                file.seek(position + header)
                file.write(movie)
                return
            position += max(header, length)
    raise ContainerError(f"{path}: there is no movie box to write the size into")


def _fill_in(movie: memoryview, track_index: int, size: Size) -> None:
    tracks = [content for kind, content, _ in children(movie) if kind == b"trak"]
    for kind, content, _ in children(tracks[track_index]):
        if kind == b"tkhd" and len(content) in _TRACK_HEADER_BYTES:
            content[-_SIZE_BYTES:] = b"".join(
                (side << _FRACTION_BITS).to_bytes(_SIZE_BYTES // 2, "big") for side in size
            )
            return
    raise ContainerError("the latent track has no header to write the size into")


def magnification_problem(shown: Size, coded: Size) -> str | None:
    """Why pictures of the size ``coded`` cannot be shown at ``shown``; None if they can.

    Both sides grow alike, but for rounding, to at most ``MAX_MAGNIFICATION`` times as much, and
    stay within the limits of the format.  A flipped bit of one side seldom keeps to that.
    """
    sides = list(zip(shown, coded, strict=True))
    is_whole = all(part <= full <= min(MAX_SIDE, MAX_MAGNIFICATION * part) for full, part in sides)
    # the coded side is the full one times a scale that both have, rounded
    if (
        is_whole
        and shown[0] * shown[1] <= MAX_PIXELS
        and max((part - 0.5) / full for full, part in sides)
        <= min((part + 0.5) / full for full, part in sides)
    ):
        return None
    return (
        f"its track header shows pictures of {coded[0]}×{coded[1]} at {shown[0]}×{shown[1]}, which"
        " cannot be: they are shown as they are coded"
    )
