"""SSIMULACRA2 and ColorVideoVDP give what their packages give."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from videocodec.ladder.clips import Clip
from videocodec.ladder.metrics import Metric, Pair, all_metrics
from videocodec.ladder.planes import ToRgb

from .conftest import FRAMES


def smoothed(frames: np.ndarray) -> np.ndarray:
    return np.stack([cv2.blur(frame, (5, 5)) for frame in frames])


CHANGES = {
    "posterised": lambda frames: frames // 24 * 24 + 12,
    "smoothed": smoothed,
    "darker": lambda frames: frames * 9 // 10,
}


def possible(name: str) -> Metric:
    """The metric, or the test is skipped with the reason."""
    found = all_metrics()[name]
    if (reason := found.missing()) is not None:
        pytest.skip(reason)
    return found


def write_frames(folder: Path, clip: Clip, frames: np.ndarray, suffix: str = ".png") -> list[Path]:
    """Pictures 00000.png and so on."""
    folder.mkdir()
    to_rgb, paths = ToRgb(clip), []
    for index, planes in enumerate(frames):
        paths.append(folder / f"{index:05d}{suffix}")
        cv2.imwrite(str(paths[-1]), to_rgb(planes)[..., ::-1])
    return paths


def run(module: str, *words: object) -> str:
    code = f"from {module} import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(params=CHANGES)
def pair(request: pytest.FixtureRequest, clip: Clip, make_pair: Callable[..., Pair]) -> Pair:
    """The clip and what became of it by one of three changes."""
    return make_pair(clip, CHANGES[request.param])


def test_ssimulacra2_is_that_of_its_program(pair: Pair, tmp_path: Path) -> None:
    found = possible("ssimulacra2").measure(pair)["ssimulacra2"]
    sources = write_frames(tmp_path / "source", pair.clip, pair.reference)
    decoded = write_frames(tmp_path / "decoded", pair.clip, pair.distorted)
    assert [index for index, value in enumerate(found) if value is not None] == [0, 3, 6]
    assert len(found) == FRAMES
    for index in (0, 3, 6):
        shown = float(run("ssimulacra2.cli", sources[index], decoded[index]))
        assert found[index] == pytest.approx(shown, abs=1e-6)


@pytest.mark.slow
def test_cvvdp_is_that_of_its_program(pair: Pair, tmp_path: Path) -> None:
    """By BMP files: for PNG it wants a library that it loads from the net."""
    found = possible("cvvdp").measure(pair)["cvvdp"]
    options = ["--display", "standard_fhd", "--fps", "25", "--device", "cpu", "--quiet"]
    for name, frames in (("ref", pair.reference), ("test", pair.distorted)):
        files = write_frames(tmp_path / name, pair.clip, frames, ".bmp")
        options += [f"--{name}", str(files[0].with_name("%05d.bmp"))]
    shown = run("pycvvdp.run_cvvdp", *options).split()[-1]
    assert found[1:] == [None] * (FRAMES - 1)
    assert found[0] == pytest.approx(float(shown), abs=1e-4)
    assert found[0] < 10
