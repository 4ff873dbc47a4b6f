"""Tables of an MP4 file that claim more than there can be: found before FFmpeg reads them.

FFmpeg makes an entry of some 40 bytes for every sample that a table speaks of, and a table of 20
bytes can speak of 2^32.  It reads tables wherever they stand, so they are looked for in all boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

import numpy as np

from ..errors import ContainerError

# than bytes: of files that were cut short, whose sound may have samples of a byte or two
MORE_SAMPLES = 1 << 22
MAX_BOXES = 10_000
# entries of an edit list times samples: each entry goes through all of them
MAX_EDITED_SAMPLES = 1 << 26
_DEPTH = 12  # FFmpeg goes 10 deep
_ENTRY_BYTES = {b"stts": 8, b"ctts": 8, b"stsc": 12, b"stco": 4, b"co64": 8, b"stss": 4, b"keys": 8}
_RUN_LENGTHS = (b"stts", b"ctts")
# What the format has no use for, and FFmpeg takes much memory for.
_REFUSED = {
    b"cmov": "compressed tables",
    b"iloc": "items of pictures",
    b"iinf": "items of pictures",
    b"iref": "items of pictures",
}
_IN_DESCRIPTIONS = (b"stsz", b"stz2", b"stts", b"ctts", b"elst", b"trun", b"keys", *_REFUSED)


def box_header(data: bytes | memoryview, available: int) -> tuple[bytes, int, int]:
    """Type, bytes of the header and bytes of the whole box, of which ``available`` are there; (b"",
    8, 0) if too short.
    """
    if len(data) < 8:
        return b"", 8, 0
    size, kind = int.from_bytes(data[:4], "big"), bytes(data[4:8])
    if size == 1 and len(data) >= 16:
        return kind, 16, int.from_bytes(data[8:16], "big")
    return kind, 8, size or available  # size 0: the box reaches to the end of the file


def children(body: memoryview, *, cut: bool = False) -> Iterator[tuple[bytes, memoryview, int]]:
    """Type, content and size of every box in ``body``; stops at one that does not fit, or, with
    ``cut``, after what there is of it.
    """
    position = 0
    while position < len(body):
        kind, header, size = box_header(body[position : position + 16], len(body) - position)
        if cut:
            size = min(size, len(body) - position)
        if not header <= size <= len(body) - position:
            return
        yield kind, body[position + header : position + size], size
        position += size


class TableChecker:
    """Looks at boxes one after another.  name: of the file, for messages.

    Raises ``ContainerError``.
    """

    def __init__(self, name: str, file_bytes: int) -> None:
        self._name, self._limit = name, file_bytes + MORE_SAMPLES
        self._boxes = self._samples = self._edits = 0

    def check(self, kind: bytes, content: memoryview, depth: int = 0) -> None:
        """A box, and all that are in it."""
        self.count_box()
        if kind in _ENTRY_BYTES:
            self._check_entries(kind, content)
        elif kind in (b"stsz", b"stz2"):
            self._check_sizes(kind, content)
        elif kind == b"trun":
            self._add_samples(kind, self._number(kind, content, 4))
        elif kind == b"elst":
            self._edits = max(self._edits, self._number(kind, content, 4))
        elif kind in _REFUSED:
            raise ContainerError(
                f"{self._name}: not a latent-video file, or damaged: it has a box {kind.decode()},"
                f" for {_REFUSED[kind]}"
            )
        elif kind == b"stsd":
            self._check_descriptions(bytes(content))
        elif depth < _DEPTH:
            for start in (0, 4) if kind == b"meta" else (0,):
                for child, inner, _ in children(content[start:], cut=True):  # as FFmpeg does
                    self.check(child, inner, depth + 1)
        if self._edits * self._samples > MAX_EDITED_SAMPLES and self._edits > 2:
            self._fail(b"elst", f"{self._edits} entries for {self._samples} samples")

    def count_box(self) -> None:
        """To be called for boxes that are not looked into."""
        self._boxes += 1
        if self._boxes > MAX_BOXES:
            raise ContainerError(
                f"{self._name}: more than {MAX_BOXES} boxes: it is damaged, copy it again"
            )

    def _check_entries(self, kind: bytes, content: memoryview) -> None:
        count, size = self._number(kind, content, 4), _ENTRY_BYTES[kind]
        if count * size > max(0, len(content) - 8):
            self._fail(kind, f"{count} entries in {len(content)} bytes")
        if kind in _RUN_LENGTHS:
            samples = int(
                np.frombuffer(content[8 : 8 + size * count], dtype=">u4")[::2].sum(dtype=np.uint64)
            )
            if samples > self._limit:
                self._fail(kind, f"{samples} samples")

    def _check_sizes(self, kind: bytes, content: memoryview) -> None:
        uniform, count = self._number(kind, content, 4), self._number(kind, content, 8)
        bits = 32 if kind == b"stsz" else uniform & 0xFF
        if (kind == b"stz2" or not uniform) and count * bits > 8 * max(0, len(content) - 12):
            self._fail(kind, f"{count} samples in {len(content)} bytes")
        self._add_samples(kind, count)

    def _add_samples(self, kind: bytes, count: int) -> None:
        self._samples += count
        if self._samples > self._limit:
            self._fail(kind, f"{self._samples} samples")

    def _check_descriptions(self, content: bytes) -> None:
        """Where boxes begin in a sample description depends on its kind: tables have no business
        there at all.
        """
        for kind in _IN_DESCRIPTIONS:
            if kind in content:
                self._fail(kind, "something inside a sample description")

    def _number(self, kind: bytes, content: memoryview, offset: int) -> int:
        if len(content) < offset + 4:  # FFmpeg would take the bytes after the box for it
            self._fail(kind, f"more than its {len(content)} bytes hold")
        return int.from_bytes(content[offset : offset + 4], "big")

    def _fail(self, kind: bytes, claim: str) -> NoReturn:
        raise ContainerError(
            f"{self._name}: box {kind.decode()} speaks of {claim}, which cannot be: it is damaged,"
            " copy it again"
        )
