"""A small movie, and the same encoded by the program."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from .program import run


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory, panned: Callable, write_movie: Callable) -> Path:
    """A small movie with sound."""
    return write_movie(
        tmp_path_factory.mktemp("cli") / "clip.mp4", panned(12, 48, 64, (0, 2)), sound_seconds=0.5
    )


@pytest.fixture(scope="session")
def coded(clip: Path) -> Path:
    """The movie encoded by the program itself."""
    target = clip.with_name("clip.lv.mp4")
    done = run("encode", clip, target, "--crf", "30", "--model", "embedded", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert (report["frames"], report["width"], report["height"], report["keyframes"]) == (
        12,
        64,
        48,
        1,
    )
    return target
