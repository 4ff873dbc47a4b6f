"""What makes pictures: exact ones in parts and in tiles, and which maker is the usual one."""

from __future__ import annotations

import numpy as np
import pytest

from bitstream.formats import loop_networks
from videocodec.errors import OutOfMemoryError
from videocodec.models.bundle import ModelBundle
from videocodec.models.parts import Rectangle
from videocodec.models.picture_makers import ExactPictures, FloatPictures, usual_maker
from videocodec.models.runtime import AutoencoderRuntime

ROWS, COLUMNS = 51, 75  # positions: odd, so that networks at half the resolution repeat the last
HEIGHT, WIDTH = 8 * ROWS - 3, 8 * COLUMNS - 5


@pytest.fixture(scope="module")
def networks():
    made = loop_networks(ModelBundle.find("second").tables)
    assert made is not None
    return made


@pytest.fixture(scope="module")
def frame() -> tuple[np.ndarray, np.ndarray]:
    """Latents and quantisers of noise."""
    generator = np.random.default_rng(0)
    latents = generator.normal(0, 60, (48, ROWS, COLUMNS)).astype(np.int16)
    return latents, generator.integers(20, 90, (ROWS, COLUMNS)).astype(np.uint8)


@pytest.fixture(scope="module")
def whole(networks, frame) -> np.ndarray:
    made = ExactPictures(networks, "second").whole(*frame, HEIGHT, WIDTH)
    assert made.shape == (HEIGHT, WIDTH, 3) and made.dtype == np.uint8
    return made


def test_the_reach_is_that_of_the_same_network_in_floating_point(networks) -> None:
    runtime = AutoencoderRuntime(ModelBundle.find("second"), "cpu", 1)
    assert ExactPictures(networks, "second").reach == runtime.reach


def test_tiles_are_those_of_the_whole(networks, frame, whole: np.ndarray) -> None:
    """To the last bit, edges included."""
    for most in (57 * 75, 48 * 64):
        tiled = ExactPictures(networks, "second", most).whole(*frame, HEIGHT, WIDTH)
        assert np.array_equal(tiled, whole)


@pytest.mark.parametrize("part", [(0, 0, 8, 8), (8, 40, 24, 75), (40, 0, 51, 16), (16, 16, 24, 32)])
def test_parts_are_those_of_the_whole(
    networks, frame, whole: np.ndarray, part: tuple[int, int, int, int]
) -> None:
    made = ExactPictures(networks, "second").part(*frame, Rectangle(*part), (HEIGHT, WIDTH))
    top, left, bottom, right = (8 * side for side in part)
    assert np.array_equal(made, whole[top:bottom, left:right])


def test_what_lies_beyond_the_reach_changes_nothing(networks, frame, whole: np.ndarray) -> None:
    """And what lies at it does: the reach is not too small, nor much too large."""
    maker, (latents, quantisers) = ExactPictures(networks, "second"), frame
    other = latents.copy()
    other[:, 25, 60] += 400
    rows, columns = np.nonzero((maker.whole(other, quantisers, HEIGHT, WIDTH) != whole).any(2))
    distances = np.maximum(np.abs(rows // 8 - 25), np.abs(columns // 8 - 60))
    assert maker.reach - 6 <= distances.max() <= maker.reach


def test_memory_is_compared_first(networks, frame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("videocodec.models.picture_makers.available_bytes", lambda: 1 << 20)
    with pytest.raises(OutOfMemoryError, match=r"pictures of 595×405: the networks of second take"):
        ExactPictures(networks, "second").whole(*frame, HEIGHT, WIDTH)


def test_models_without_a_loop_have_none() -> None:
    kinds = []
    for name in ("embedded", "second"):
        runtime = AutoencoderRuntime(ModelBundle.find(name), "cpu", 1)
        kinds.append(type(usual_maker(runtime)))
    assert kinds == [FloatPictures, ExactPictures]
    assert ExactPictures.of(ModelBundle.find("embedded").tables, "embedded") is None
