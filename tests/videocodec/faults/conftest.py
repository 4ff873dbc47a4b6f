"""A folder with what must stay in it, and commands that fail."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from videocodec.cli import main

ROOT = Path(__file__).resolve().parents[3]
QUICK = ["--preset", "ultrafast", "--device", "cpu", "--threads", "1", "--model", "embedded"]
POSIX_ONLY = pytest.mark.skipif(os.name != "posix", reason="POSIX's")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file of the user's and an older output."""
    (tmp_path / "notes.txt").write_text("mine")
    for name in ("out.lv.mp4", "out.mp4", "out.mkv", "out.y4m", "001.png"):
        (tmp_path / name).write_text("the old one")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def failure(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that a command which fails says."""
    assert main([str(one) for one in arguments]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("videocodec: error: ") and err.count("\n") == 1, err
    return err


@pytest.fixture
def file_size_limit() -> Iterator[Callable[[int], None]]:
    """file_size_limit(bytes) → no file that is written may become longer, as on a disk that is
    full.  Python ignores the signal of it.
    """
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
