"""Finished chunks, kept beside the target until the file is whole, so that an interrupted encode
can go on.

The folder ``NAME.chunks`` holds a manifest of everything that the bytes depend on, and one file for
every chunk and plan. A chunk's file is written under another name, renamed, and carries a checksum:
it is there as a whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from filelock import BaseFileLock

from bitstream.sequence_header import NEWEST_FROZEN

from ..errors import OutputError, ResumeError
from ..locks import remove_lock, take_lock
from ..media.frame_sink import output_errors
from ..media.sequences import picture_files
from ..version import __version__
from .chunk_coder import ChunkTask, CodedChunk
from .chunk_file import CHUNK_SUFFIX, chunk_from_bytes, chunk_name, chunk_to_bytes
from .settings import EncoderSettings

_MADE_BY = "videocodec, unfinished encode"
_MANIFEST, _LOCK, _PART = "manifest.json", "lock", ".part"
_PARTS = (CHUNK_SUFFIX + _PART, _MANIFEST + _PART)
_PROBED_BYTES, _PROBED_BYTES_OF_A_PICTURE = 1 << 20, 1 << 14


@dataclass(frozen=True)
class SourceIdentity:
    """What tells a source from another without reading all of it: size, time of change, SHA-256 of
    its first and last MiB; of a sequence of pictures, of all their ends.
    """

    bytes: int
    mtime_ns: int
    sha256_of_ends: str


def source_identity(path: Path) -> SourceIdentity:
    """Of a file or a sequence of pictures.  Raises ``OSError``, ``InputError``."""
    pictures = picture_files(path)
    probed = _PROBED_BYTES if pictures is None else _PROBED_BYTES_OF_A_PICTURE
    size, changed, digest = 0, 0, hashlib.sha256()
    for part in (path,) if pictures is None else pictures:
        facts = part.stat()
        if pictures is not None:
            digest.update(facts.st_size.to_bytes(8, "big"))
        with part.open("rb") as file:
            digest.update(file.read(probed))
            file.seek(max(0, facts.st_size - probed))
            digest.update(file.read(probed))
        size, changed = size + facts.st_size, max(changed, facts.st_mtime_ns)
    return SourceIdentity(size, changed, digest.hexdigest())


def manifest(
    source: Path, settings: EncoderSettings, model_sha256: str, **others: object
) -> dict[str, object]:
    """Everything that the bytes of an encode depend on, as JSON can hold it."""
    values = {
        "made_by": _MADE_BY,
        "version": __version__,
        "format_version": NEWEST_FROZEN,
        "source": asdict(source_identity(source)),
        "settings": asdict(settings) | {"effort": asdict(settings.effort)},
        "model_sha256": model_sha256,
        **others,
    }
    identity: dict[str, object] = json.loads(json.dumps(values, default=str))
    return identity


class ChunkStore:
    """The folder of finished chunks of one target.  Use it as a context manager.

    Made with ``resume`` it takes over what a folder with the same manifest holds (without one, it
    begins anew); otherwise a folder of an earlier encode is emptied first.  Leaving the context
    keeps the folder if a chunk is in it, unless ``discard`` was called.

    Raises ``ResumeError`` when the manifests differ, ``OutputError`` for a folder that is not ours,
    in use, or not writable.
    """

    def __init__(self, target: Path, contents: dict[str, object], *, resume: bool) -> None:
        self.folder = target.with_name(target.name + ".chunks")
        self._target = target
        with output_errors(target):
            fresh = not self.folder.exists()
            if not fresh and not _is_ours(self.folder):
                raise OutputError(
                    f"{target}: {self.folder} is in the way and is no folder of an unfinished"
                    " encode: move it"
                )
            self.folder.mkdir(exist_ok=True)
            self._lock = self._take_lock()
            try:
                before = _read_manifest(self.folder)
                if before is None or not resume:
                    self._empty()
                    self._write(_MANIFEST, json.dumps(contents, indent=1).encode())
                elif before != contents:
                    raise ResumeError(
                        f"{self.folder} cannot be resumed, it was made with other"
                        f" {_differences(before, contents)}: encode as before, or leave --resume"
                        " away to begin anew"
                    )
            except BaseException:
                if fresh:
                    self._remove()
                else:
                    self._lock.release()
                raise
        self._discarded = False

    @property
    def finished(self) -> int:
        """How many chunks are kept, each counted once for every plan."""
        return sum(1 for _ in self.folder.glob(f"*{CHUNK_SUFFIX}"))

    def load(self, task: ChunkTask) -> tuple[CodedChunk, ...] | None:
        """What was kept of a task; None if it was not, or is damaged."""
        try:
            content = (self.folder / chunk_name(task)).read_bytes()
        except OSError:
            return None
        return chunk_from_bytes(content)

    def save(self, task: ChunkTask, results: tuple[CodedChunk, ...]) -> None:
        """Keep what a task gave.  Raises ``OutputError``."""
        with output_errors(self._target):
            self._write(chunk_name(task), chunk_to_bytes(results))

    def discard(self) -> None:
        """Remove the folder: the file is complete, or what is kept is of no use."""
        self._discarded = True

    def __enter__(self) -> ChunkStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._discarded or not self.finished:
            self._remove()
        else:
            self._lock.release()

    def _remove(self) -> None:
        self._empty()
        remove_lock(self._lock)
        with contextlib.suppress(OSError):  # somebody put a file of theirs there
            self.folder.rmdir()

    def _write(self, name: str, content: bytes) -> None:
        part = self.folder / (name + _PART)
        try:
            part.write_bytes(content)
            part.replace(self.folder / name)
        except BaseException:
            part.unlink(missing_ok=True)  # on a full disk somebody else may need the room
            raise

    def _empty(self) -> None:
        """The manifest goes last: as long as another file of ours is there, it says whose they
        are.
        """
        for file in self.folder.iterdir():
            if file.suffix == CHUNK_SUFFIX or file.name.endswith(_PARTS):
                file.unlink()
        (self.folder / _MANIFEST).unlink(missing_ok=True)

    def _take_lock(self) -> BaseFileLock:
        """So that no other process empties the folder."""
        lock = take_lock(self.folder / _LOCK)
        if lock is None:
            raise OutputError(
                f"{self._target}: another encode into this file is at work: wait for it, or"
                " name another"
            )
        return lock


def _read_manifest(folder: Path) -> dict[str, object] | None:
    try:
        manifest = json.loads((folder / _MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and manifest.get("made_by") == _MADE_BY else None


def _is_ours(folder: Path) -> bool:
    """A folder with our manifest, or one that was being made or removed when the process was
    killed.
    """
    if not folder.is_dir() or folder.is_symlink():
        return False
    return _read_manifest(folder) is not None or all(
        file.name == _LOCK or file.name.endswith(_PARTS) for file in folder.iterdir()
    )


def _differences(before: dict[str, object], now: dict[str, object]) -> str:
    """What two manifests disagree on, in words: ``settings crf (40, now 32)``."""
    differences = []
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            differences += [
                f"{key} {part} ({old.get(part)}, now {new.get(part)})"
                for part in {**old, **new}
                if old.get(part) != new.get(part)
            ]
        elif old != new:
            differences.append(f"{key} ({old}, now {new})")
    return ", ".join(differences)
