"""What the first bytes of a file, or all of them, look like before anything is believed."""

from __future__ import annotations

from pathlib import Path

from ..errors import ContainerError
from ..sequence_header import MAGIC
from .shared_file import SharedFile, check_is_file

_KEYFRAME_MARKS = (b"\x00" + MAGIC, b"\x80" + MAGIC)
_PIECE = 1 << 20
_FIRST_BOXES = (b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid")


def begins_with_a_box(path: str | Path | SharedFile) -> bool:
    """Whether it begins as MP4 files do.  Raises ``ContainerError`` for what cannot be read."""
    if isinstance(path, SharedFile):
        return path.read(0, 8)[4:] in _FIRST_BOXES
    check_is_file(path)
    try:
        with open(path, "rb") as file:
            return file.read(8)[4:] in _FIRST_BOXES
    except OSError as error:
        raise ContainerError(
            f"{path}: cannot be opened ({error.strerror}): check its permissions"
        ) from error


def holds_keyframe(path: str | Path | SharedFile) -> bool:
    """Whether the bytes of a file look as if a keyframe were among them."""
    if not isinstance(path, SharedFile) and not Path(path).is_file():
        return False
    before = b""
    with path.view() if isinstance(path, SharedFile) else open(path, "rb") as file:
        while piece := file.read(_PIECE):
            if any(mark in before + piece for mark in _KEYFRAME_MARKS):
                return True
            before = piece[-len(MAGIC) :]
    return False
