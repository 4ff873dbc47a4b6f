"""A stream with its model attached, the same damaged, and where models are unpacked."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from .streams import Made


@pytest.fixture(scope="session")
def made(
    tmp_path_factory: pytest.TempPathFactory,
    write_movie: Callable[..., Path],
    panned: Callable[..., list],
) -> Made:
    """Five frames of 56×40 by a tiny Stable Diffusion, whose bundle is gone afterwards."""
    folder = tmp_path_factory.mktemp("attached")
    return Made(folder, write_movie(folder / "movie.mp4", panned(5, 40, 56, (1, 2))))


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where models are unpacked."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def damaged(made: Made, tmp_path: Path) -> Path:
    """A stream whose attached weights have a flipped bit."""
    data = bytearray(made.stream.read_bytes())
    data[-100] ^= 1
    (tmp_path / "damaged.lv.mp4").write_bytes(data)
    return tmp_path / "damaged.lv.mp4"
