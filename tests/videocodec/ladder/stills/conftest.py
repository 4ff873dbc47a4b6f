"""A small picture, and one small ladder of it, made once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from videocodec.ladder.stills.api import still_ladder
from videocodec.ladder.stills.schema import StillResults

pytest.importorskip("PIL", reason="needs the package pillow")

QUICK = {"codecs": ("webp", "jpeg"), "metrics": ("psnr",), "resolutions": (1, 0.5)}


@pytest.fixture(scope="session")
def picture_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """65×48: a gradient with a disc and some noise."""
    rows, columns = np.mgrid[:48, :65]
    bgr = np.stack([3 * columns, 5 * rows, 2 * (rows + columns)], -1)
    bgr[(rows - 20) ** 2 + (columns - 30) ** 2 < 200] = (30, 200, 90)
    noise = np.random.default_rng(2).integers(-20, 21, bgr.shape)
    path = tmp_path_factory.mktemp("pictures") / "disc.png"
    cv2.imwrite(str(path), np.clip(bgr + noise, 0, 255).astype(np.uint8))
    return path


@dataclass(frozen=True)
class StillLadder:
    """A finished ladder: its folder and what it returned.  Tests must not change it."""

    folder: Path
    results: StillResults


@pytest.fixture(scope="session")
def still_ladder_made(picture_path: Path, tmp_path_factory: pytest.TempPathFactory) -> StillLadder:
    folder = tmp_path_factory.mktemp("stills") / "out"
    return StillLadder(folder, still_ladder([picture_path], folder, largest=2000, **QUICK))
