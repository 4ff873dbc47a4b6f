"""A model bundle attached to a latent-video file: a box of its own after everything else
(FORMAT.md, section 1.1).

    version        u8    1; 2 with a network for twice the size; 3 with a post-filter
    file_count     u16   1..256
    name           u8 (length), ASCII   } file_count times, names ascending and from a fixed list
    size           u64                  }
    sha256         32 bytes, for each of these two networks that is there, over its files
    contents       the files, one after another, up to the end of the box

Nothing in it is believed: names and sizes are checked before anything is read, and nothing is
written before the hash is right.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import AttachedModelError
from ..model_identity import model_sha256
from .boxes import ATTACHED_MODEL_BOX, AttachedBox
from .model_files import (
    HELPERS,
    MAX_FILES,
    Helper,
    box_version,
    check_attachable,
    check_kind,
    helpers_among,
    is_of_identity,
)
from .shared_file import SharedFile

_PIECE = 1 << 20


@dataclass(frozen=True)
class AttachedFile:
    """One file of the bundle: its name in the bundle's folder, its bytes, and where in the
    latent-video file they begin.
    """

    name: str
    size: int
    position: int


class AttachedModel:
    """The files of a model in the box ``box`` of the file ``path``.

    Raises ``AttachedModelError`` if the box is cut short, or names, sizes or kinds of its files are
    not those of a bundle.  Whether they are the right ones, ``sha256`` tells.
    """

    def __init__(self, path: str | Path | SharedFile, box: AttachedBox) -> None:
        self._path = path
        if box.available < box.bytes:
            raise AttachedModelError(
                f"it is cut short: {box.available} of {box.bytes} bytes are there"
            )
        with _opened(path) as file:
            file.seek(box.position)
            self.files, self._stated = _directory(file, box)
            for entry in self.files:
                file.seek(entry.position)
                check_kind(entry.name, entry.size, file.read(9))

    @property
    def sha256(self) -> str:
        """Identity of the model that these files make, 64 hex digits, worked out anew.

        Raises ``AttachedModelError``.
        """
        return self._hash(entry for entry in self.files if is_of_identity(entry.name))

    @property
    def helpers(self) -> tuple[Helper, ...]:
        """Networks that are with it and no part of its identity, damaged or not."""
        return tuple(helper for helper, _ in self._stated)

    @property
    def damaged_helpers(self) -> tuple[Helper, ...]:
        """Those of them whose files are not the ones that were attached.

        Raises ``AttachedModelError``.
        """
        return tuple(
            helper
            for helper, stated in self._stated
            if stated != self._hash(entry for entry in self.files if entry.name in helper.limits)
        )

    def extract(self, folder: Path) -> None:
        """Write the files into an empty folder, without damaged helpers.

        Raises ``OSError`` if they cannot be written, ``AttachedModelError``.
        """
        left_out = {name for helper in self.damaged_helpers for name in helper.limits}
        with _opened(self._path) as file:
            for entry in self.files:
                if entry.name in left_out:
                    continue
                target = folder / entry.name
                target.parent.mkdir(exist_ok=True)
                with target.open("xb") as copy:
                    copy.writelines(_pieces(file, entry))

    def _hash(self, entries: Iterable[AttachedFile]) -> str:
        with _opened(self._path) as file:
            return model_sha256((entry.name, entry.size, _pieces(file, entry)) for entry in entries)


def append_model(target: Path, files: Sequence[tuple[str, Path]], sha256: str) -> None:
    """Append the box to a finished MP4 file.

    files: names in the bundle and where they lie.  sha256: the identity they must have, or somebody
    changed them meanwhile.  Raises ``AttachedModelError``, or ``OSError``.
    """
    files = sorted(files)
    sizes = [path.stat().st_size for _, path in files]
    listed = [(name, path, size) for (name, path), size in zip(files, sizes, strict=True)]
    check_attachable([(name, size) for name, _, size in listed])
    head = b"".join(
        bytes([len(name)]) + name.encode() + size.to_bytes(8, "big") for name, _, size in listed
    )
    helpers = helpers_among(name for name, _, _ in listed)
    for helper in helpers:
        of_it = (entry for entry in listed if entry[0] in helper.limits)
        pieces = ((name, size, [path.read_bytes()]) for name, path, size in of_it)
        head += bytes.fromhex(model_sha256(pieces))
    head = bytes([box_version(helpers)]) + len(files).to_bytes(2, "big") + head
    with target.open("ab") as box:
        # Always the long form of the header, so that one form is tested whatever the size.
        whole = 16 + len(head) + sum(sizes)
        box.write(b"\0\0\0\1" + ATTACHED_MODEL_BOX + whole.to_bytes(8, "big") + head)

        def copied(path: Path, size: int) -> Iterator[bytes]:
            with path.open("rb") as file:
                while size and (piece := file.read(min(_PIECE, size))):
                    box.write(piece)
                    yield piece
                    size -= len(piece)

        def of_identity() -> Iterator[tuple[str, int, Iterator[bytes]]]:
            for name, path, size in listed:
                if is_of_identity(name):
                    yield name, size, copied(path, size)
                else:
                    deque(copied(path, size), maxlen=0)

        actual = model_sha256(of_identity())
    if actual != sha256:
        raise AttachedModelError("its files were changed while the video was encoded: encode again")


def _opened(path: str | Path | SharedFile) -> AbstractContextManager[BinaryIO]:
    return path.view() if isinstance(path, SharedFile) else open(path, "rb")


def _directory(
    file: BinaryIO, box: AttachedBox
) -> tuple[tuple[AttachedFile, ...], list[tuple[Helper, str]]]:
    """The files by the box's own list, which must fill it exactly, and the hashes that it states of
    the helpers that are among them.
    """
    left = box.bytes

    def take(count: int) -> bytes:
        nonlocal left
        data = file.read(count) if count <= left else b""
        if len(data) < count:
            raise AttachedModelError("its list of files is cut short")
        left -= count
        return data

    version, count = take(1)[0], int.from_bytes(take(2), "big")
    newest = box_version(HELPERS)
    if not 1 <= version <= newest:
        raise AttachedModelError(
            f"it is of version {version}, this program reads 1 to {newest}: upgrade videocodec"
        )
    if count > MAX_FILES:
        raise AttachedModelError(f"it has {count} files, may have {MAX_FILES}")
    listed: list[tuple[str, int]] = []
    for _ in range(count):
        name = take(take(1)[0]).decode("ascii", "backslashreplace")
        size = int.from_bytes(take(8), "big")
        if listed and name <= listed[-1][0]:
            raise AttachedModelError("its files are not in the order of their names, each once")
        listed.append((name, size))
    check_attachable(listed)
    helpers = helpers_among(name for name, _ in listed)
    if version != box_version(helpers):
        raise AttachedModelError(
            f"it is of version {version}, with its files it must be {box_version(helpers)}"
        )
    stated = [(helper, take(32).hex()) for helper in helpers]
    if sum(size for _, size in listed) != left:
        raise AttachedModelError(
            f"its files take {sum(size for _, size in listed)} bytes, the box has {left} for them"
        )
    files, position = [], box.position + box.bytes - left
    for name, size in listed:
        files.append(AttachedFile(name, size, position))
        position += size
    return tuple(files), stated


def _pieces(file: BinaryIO, entry: AttachedFile) -> Iterator[bytes]:
    file.seek(entry.position)
    left = entry.size
    while left:
        piece = file.read(min(_PIECE, left))
        if not piece:
            raise AttachedModelError("it is cut short")
        yield piece
        left -= len(piece)
