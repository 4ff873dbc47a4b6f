"""A model bundle attached to a latent-video file: a box of its own after everything else
(FORMAT.md, section 1.1).

    version        u8    1, or 2 with a network for twice the size
    file_count     u16   1..256
    name           u8 (length), ASCII   } file_count times, names ascending and from a fixed list
    size           u64                  }
    upscaler_sha256  32 bytes           in version 2: of the files of that network
    contents       the files, one after another, up to the end of the box

Nothing in it is believed: names and sizes are checked before anything is read, and nothing is
written before the hash is right.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import AttachedModelError
from ..model_identity import model_sha256
from .boxes import ATTACHED_MODEL_BOX, AttachedBox
from .shared_file import SharedFile

BOX_VERSIONS = (1, 2)
MAX_FILES = 256
_PIECE = 1 << 20
_MAX_SAFETENSORS_HEADER = 100_000_000  # bytes, as of the safetensors library

# The network that makes pictures of twice the size: no part of the model's identity, since nothing
# that is coded depends on it.
_UPSCALER = ("upscaler/config.json", "upscaler/diffusion_pytorch_model.safetensors")
_NEEDED = ("codec/tables.safetensors", "vae/config.json")
_NETWORK_FILE = r"(vae|unet|motion_adapter)/diffusion_pytorch_model(-\d{5}-of-\d{5})?\.safetensors"
# What a name may look like, and the most bytes of such a file.
_ALLOWED = (
    (re.compile(r"model_index\.json"), 1 << 20),
    (re.compile(r"codec/tables\.safetensors"), 1 << 28),
    (re.compile(r"(vae|unet|motion_adapter)/config\.json"), 1 << 20),
    (
        re.compile(r"(vae|unet|motion_adapter)/diffusion_pytorch_model\.safetensors\.index\.json"),
        1 << 24,
    ),
    (re.compile(r"unet/conditioning\.safetensors"), 1 << 28),
    (re.compile(r"scheduler/scheduler_config\.json"), 1 << 20),
    (re.compile(_NETWORK_FILE), 1 << 40),
)
_ALLOWED_UPSCALER = {_UPSCALER[0]: 1 << 20, _UPSCALER[1]: 1 << 26}


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
            self.files, self._upscaler_sha256 = _directory(file, box)
            for entry in self.files:
                file.seek(entry.position)
                _check_kind(entry, file.read(9))

    @property
    def sha256(self) -> str:
        """Identity of the model that these files make, 64 hex digits, worked out anew.

        Raises ``AttachedModelError``.
        """
        return self._hash(entry for entry in self.files if entry.name not in _UPSCALER)

    @property
    def has_upscaler(self) -> bool:
        """Whether a network for twice the size is with it, damaged or not."""
        return self._upscaler_sha256 is not None

    @property
    def upscaler_is_damaged(self) -> bool:
        """Whether its files are not those that were attached.  Raises ``AttachedModelError``."""
        found = self._hash(entry for entry in self.files if entry.name in _UPSCALER)
        return self.has_upscaler and found != self._upscaler_sha256

    def extract(self, folder: Path) -> None:
        """Write the files into an empty folder, without a damaged network for twice the size.

        Raises ``OSError`` if they cannot be written, ``AttachedModelError``.
        """
        left_out = _UPSCALER if self.upscaler_is_damaged else ()
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


def check_attachable(files: Iterable[tuple[str, int]]) -> None:
    """Raise ``AttachedModelError`` unless files of those names and sizes may be attached."""
    names = set()
    for name, size in files:
        _check_file(name, size)
        names.add(name)
    if len(names) > MAX_FILES:
        raise AttachedModelError(f"it has {len(names)} files, may have {MAX_FILES}")
    for name in _NEEDED + (() if names.isdisjoint(_UPSCALER) else _UPSCALER):
        if name not in names:
            raise AttachedModelError(f"it has no {name}")


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
    upscaler = [entry for entry in listed if entry[0] in _UPSCALER]
    if upscaler:
        pieces = ((name, size, [path.read_bytes()]) for name, path, size in upscaler)
        head += bytes.fromhex(model_sha256(pieces))
    version = BOX_VERSIONS[1] if upscaler else BOX_VERSIONS[0]
    head = bytes([version]) + len(files).to_bytes(2, "big") + head
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
                if name in _UPSCALER:
                    deque(copied(path, size), maxlen=0)
                else:
                    yield name, size, copied(path, size)

        actual = model_sha256(of_identity())
    if actual != sha256:
        raise AttachedModelError("its files were changed while the video was encoded: encode again")


def _opened(path: str | Path | SharedFile) -> AbstractContextManager[BinaryIO]:
    return path.view() if isinstance(path, SharedFile) else open(path, "rb")


def _directory(file: BinaryIO, box: AttachedBox) -> tuple[tuple[AttachedFile, ...], str | None]:
    """The files by the box's own list, which must fill it exactly, and the hash of the network for
    twice the size, None without one.
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
    if version not in BOX_VERSIONS:
        raise AttachedModelError(
            f"it is of version {version}, this program reads {BOX_VERSIONS[0]} and"
            f" {BOX_VERSIONS[1]}: upgrade videocodec"
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
    has_upscaler = any(name in _UPSCALER for name, _ in listed)
    if has_upscaler != (version == BOX_VERSIONS[1]):
        raise AttachedModelError(
            f"a network for twice the size belongs to version {BOX_VERSIONS[1]} and to no other"
        )
    upscaler_sha256 = take(32).hex() if has_upscaler else None
    if sum(size for _, size in listed) != left:
        raise AttachedModelError(
            f"its files take {sum(size for _, size in listed)} bytes, the box has {left} for them"
        )
    files, position = [], box.position + box.bytes - left
    for name, size in listed:
        files.append(AttachedFile(name, size, position))
        position += size
    return tuple(files), upscaler_sha256


def _check_file(name: str, size: int) -> None:
    limit = next((limit for pattern, limit in _ALLOWED if pattern.fullmatch(name)), None)
    limit = _ALLOWED_UPSCALER.get(name, limit)
    if limit is None:
        raise AttachedModelError(f"{name[:100]!r} is no file of a model")
    if size > limit:
        raise AttachedModelError(f"{name} has {size} bytes, at most {limit} are allowed")


def _check_kind(entry: AttachedFile, begin: bytes) -> None:
    """A pickle under another name must not come further than here."""
    if entry.name.endswith(".json"):
        is_right = begin[:1] == b"{"
    else:
        header = int.from_bytes(begin[:8], "little")
        is_right = begin[8:9] == b"{" and header <= min(_MAX_SAFETENSORS_HEADER, entry.size - 8)
    if not is_right:
        kind = "JSON" if entry.name.endswith(".json") else "safetensors"
        raise AttachedModelError(f"{entry.name} is no {kind} file")


def _pieces(file: BinaryIO, entry: AttachedFile) -> Iterator[bytes]:
    file.seek(entry.position)
    left = entry.size
    while left:
        piece = file.read(min(_PIECE, left))
        if not piece:
            raise AttachedModelError("it is cut short")
        yield piece
        left -= len(piece)
