"""Every codec of still pictures on its own."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from videocodec.ladder.stills.codecs import StillTask, still_codecs

# Of a container: what lies about the coded picture in a file of that codec, at least and at most.
AROUND = {"avif": (200, 500), "jpegxl": (0, 0), "webp": (20, 21), "jpeg": (18, 18)}


@pytest.fixture(params=list(still_codecs()))
def codec(request: pytest.FixtureRequest):
    codec = still_codecs()[request.param]
    if (reason := codec.missing()) is not None:
        pytest.skip(reason)
    return codec


def coded(codec, rgb: np.ndarray, share: float, place: int, folder: Path) -> Path:
    target = folder / f"{share:g}-{place}{codec.suffix}"
    codec.encode(StillTask(rgb, share, codec.settings[place], target, "embedded", 1))
    return target


@pytest.fixture
def rgb(picture_path: Path) -> np.ndarray:
    return cv2.imread(str(picture_path))[:, :64, ::-1].copy()


def test_finer_settings_take_more_bytes_and_look_better(codec, rgb, tmp_path: Path) -> None:
    files = [coded(codec, rgb, 1, place, tmp_path) for place in (0, 3 * len(codec.settings) // 4)]
    sizes = [codec.picture_bytes(file) for file in files]
    pictures = [codec.decode(file, "embedded", 1).rgb for file in files]
    errors = [np.mean((picture.astype(float) - rgb) ** 2) for picture in pictures]
    assert 0 < sizes[0] < sizes[1]
    assert all(picture.shape == (48, 64, 3) for picture in pictures)
    assert errors[0] > errors[1]


def test_a_smaller_picture_takes_fewer_bytes(codec, rgb, tmp_path: Path) -> None:
    place = len(codec.settings) // 2
    sizes = [codec.picture_bytes(coded(codec, rgb, share, place, tmp_path)) for share in (1, 0.25)]
    assert sizes[0] > sizes[1]


def test_the_container_does_not_count(codec, rgb, tmp_path: Path) -> None:
    path = coded(codec, rgb, 1, len(codec.settings) // 2, tmp_path)
    around = path.stat().st_size - codec.picture_bytes(path)
    low, high = AROUND.get(codec.name, (400, 1000))
    assert low <= around <= high


def test_only_our_own_has_provenance(codec, rgb, tmp_path: Path) -> None:
    decoded = codec.decode(coded(codec, rgb, 1, 0, tmp_path), "embedded", 1)
    assert (decoded.provenance is not None) == (codec.name == "videocodec")
