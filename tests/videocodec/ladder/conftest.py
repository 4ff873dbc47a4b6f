"""Small clips and one small ladder, made once."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from videocodec.ladder.clips import Clip, prepare
from videocodec.ladder.metrics import Pair

from .workers_here import workers_here

FRAMES = 9


def has(*packages: str) -> bool:
    """Whether all these packages are installed."""
    return all(importlib.util.find_spec(package) for package in packages)


needs_program = pytest.mark.skipif(
    not has("imageio_ffmpeg"), reason="needs the package imageio-ffmpeg"
)
needs_bjontegaard = pytest.mark.skipif(
    not has("bjontegaard"), reason="needs the package bjontegaard"
)


@pytest.fixture(scope="session")
def clip_path(
    tmp_path_factory: pytest.TempPathFactory,
    write_movie: Callable[..., Path],
    panned: Callable[..., list],
) -> Path:
    """96×64, a pan."""
    return write_movie(tmp_path_factory.mktemp("clips") / "pan.mp4", panned(FRAMES, 64, 96, (1, 2)))


@pytest.fixture(scope="session")
def clip(clip_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """The same, prepared."""
    return prepare(clip_path, tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def make_pair(tmp_path: Path) -> Callable[..., Pair]:
    """make_pair(clip, change) → the clip against its own frames after ``change(frames as
    int16)``.
    """

    def make(
        clip: Clip, change: Callable[[np.ndarray], np.ndarray] = lambda frames: frames
    ) -> Pair:
        reference = np.array(clip.reference())
        distorted = np.clip(change(reference.astype(np.int16)), 0, 255).astype(np.uint8)
        files = tmp_path / "reference.yuv", tmp_path / "distorted.yuv"
        reference.tofile(files[0])
        distorted.tofile(files[1])
        return Pair(clip, reference, distorted, *files)

    return make


@pytest.fixture(scope="session")
def noise() -> Callable[[int], Callable[[np.ndarray], np.ndarray]]:
    """noise(amplitude) → a change for `make_pair` that adds noise up to so many grey levels."""

    def of(amplitude: int) -> Callable[[np.ndarray], np.ndarray]:
        rng = np.random.default_rng(5)
        return lambda frames: (
            frames + rng.integers(-amplitude, amplitude + 1, frames.shape, dtype=np.int16)
        )

    return of


@dataclass(frozen=True)
class SmallLadder:
    """A finished ladder: its folder and what `ladder` returned.  Tests must not change it."""

    folder: Path
    results: dict


LADDER = {
    "codecs": ("x264", "x265", "svtav1"),
    "crf": {"x264": (24, 34, 44), "x265": (24, 34, 44), "svtav1": (35, 50, 63)},
}
LADDER |= {"presets": {"x264": "medium", "x265": "fast", "svtav1": "10"}, "pictures": 2, "jobs": 2}


QUICK = {
    "codecs": ("x264",),
    "crf": (30, 40),
    "presets": {"x264": "ultrafast"},
    "metrics": ("psnr",),
    "pictures": 1,
    "sheets": 0,
    "jobs": 1,
}


@pytest.fixture(scope="module")
def orders_here() -> Iterator[None]:
    """Ladders without processes of their own, which take longer to start than to do their orders.

    The processes are tested in ``test_workers``, and whole ladders with them in ``cli``.
    """
    with workers_here():
        yield


def finished(folder: Path) -> dict[str, int]:
    """Every encode that is finished, by name, with the time its file was written."""
    files = [
        file
        for file in (folder / "cache" / "encodes").glob("*/coded.mp4")
        if not file.parent.name.startswith(".part")
    ]
    return {file.parent.name: file.stat().st_mtime_ns for file in files}


@pytest.fixture(scope="session")
def small_ladder(clip_path: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallLadder:
    """Three codecs, three rungs, at two resolutions, the smaller of which SVT-AV1 refuses."""
    from videocodec.ladder.api import ladder

    folder = tmp_path_factory.mktemp("ladder") / "out"
    with workers_here():
        return SmallLadder(folder, ladder([clip_path], folder, resolutions=(1, 0.5), **LADDER))
