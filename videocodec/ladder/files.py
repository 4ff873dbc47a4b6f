"""Files that are whole or not there: written beside their place, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TypeVar, cast

T = TypeVar("T")


def write_text(path: Path, text: str) -> None:
    """Put ``text`` into the file at once: whoever reads it, after a crash too, finds the old or the
    new one.
    """
    beside = path.with_name(f"{path.name}.part{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def write_json(path: Path, value: object) -> None:
    """As ``write_text``, one JSON value; not-a-number is refused, since JSON has none."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))


def load_json(path: Path, kind: type[T]) -> T:
    """What the file holds, of the type that it was written with: the ladder reads only its own
    files.
    """
    return cast("T", json.loads(path.read_text(encoding="utf-8")))


def read_json(path: Path, kind: type[T]) -> T | None:
    """As ``load_json``, None if there is no such file."""
    return load_json(path, kind) if path.is_file() else None


def digest(value: object) -> str:
    """SHA-256 of a JSON value, the same for equal values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
