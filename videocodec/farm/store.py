"""The store of a farm: a local folder, or an address of any kind that fsspec knows.

Every plan has a folder of its own in it, named after the hash of the plan, with

    FIRST-HASH.chunk   a finished chunk (``encoder.chunk_file``), which carries a checksum
    INDEX.task         what is to be coded of a chunk, where that is not what the plan says

A file is there as a whole or not at all: local files are renamed into place, object stores put
objects in one step, and a chunk that is torn all the same fails its checksum and counts as missing.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from ..encoder.chunk_coder import ChunkTask, CodedChunk
from ..encoder.chunk_file import chunk_from_bytes, chunk_name, chunk_to_bytes
from ..errors import MissingPackageError, OutputError, SettingsError
from .task_file import task_from_json, task_to_json


class FarmStore:
    """The chunks of one plan; a ``ChunkKeeper`` that any number of processes share.

    url: a folder or an address like ``s3://bucket/folder``.  plan_id: of the plan.  Raises
    ``SettingsError`` for an address that fsspec does not know, ``MissingPackageError`` where it
    needs a package, and ``OutputError``, here and later, for what goes wrong in the store.
    """

    def __init__(self, url: str | Path, plan_id: str) -> None:
        self.url = str(url)
        try:
            self._system, root = fsspec.core.url_to_fs(self.url)
        except ImportError as error:
            raise MissingPackageError(f"{self.url}: {error}") from error
        except ValueError as error:
            raise SettingsError(f"{self.url}: {error}") from error
        self._is_local = isinstance(self._system, LocalFileSystem)
        self._folder = f"{root.rstrip('/')}/{plan_id}"

    def load(self, task: ChunkTask) -> tuple[CodedChunk, ...] | None:
        """As ``ChunkKeeper.load``."""
        content = self._read(chunk_name(task))
        return None if content is None else chunk_from_bytes(content)

    def save(self, task: ChunkTask, results: tuple[CodedChunk, ...]) -> None:
        """As ``ChunkKeeper.save``.  Whoever does the same task writes the same file."""
        self._write(chunk_name(task), chunk_to_bytes(results))

    def publish(self, task: ChunkTask) -> None:
        """Say what is to be coded of a chunk from now on."""
        name, content = _task_name(task.chunk.index), json.dumps(task_to_json(task)).encode()
        if self._read(name) != content:
            self._write(name, content)

    def published(self, index: int) -> ChunkTask | None:
        """What was said last of that chunk, None if it is what the plan says."""
        content = self._read(_task_name(index))
        if content is None:
            return None
        try:
            return task_from_json(json.loads(content))
        except (ValueError, KeyError, TypeError) as error:
            raise OutputError(
                f"{self.url}: {_task_name(index)} is damaged: run merge again, which writes it anew"
            ) from error

    def _read(self, name: str) -> bytes | None:
        with self._errors():
            try:
                content: bytes = self._system.cat_file(f"{self._folder}/{name}")
            except FileNotFoundError:
                return None
        return content

    def _write(self, name: str, content: bytes) -> None:
        path = f"{self._folder}/{name}"
        with self._errors():
            if not self._is_local:
                self._system.pipe_file(path, content)
                return
            os.makedirs(self._folder, exist_ok=True)
            part = Path(self._folder, f".{name}.{uuid.uuid4().hex}.part")
            try:
                part.write_bytes(content)
                part.replace(path)
            except BaseException:
                with suppress(OSError):
                    part.unlink()
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(f"{self.url}: the store cannot be used ({reason})") from error


def _task_name(index: int) -> str:
    return f"{index:08d}.task"
