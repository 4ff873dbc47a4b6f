"""Latents between frames: what a model's phase filters make of two of them."""

from __future__ import annotations

import numpy as np
import pytest

from videocodec.interpolation.between import LatentsBetween
from videocodec.interpolation.coded_motion import Motion

BLOCK = 2


@pytest.fixture
def between(linear_codec):
    """between(before, after, displacement) → ``LatentsBetween`` of two of 4 channels."""

    def make(before: np.ndarray, after: np.ndarray, displacement: tuple[int, int]):
        grid = before.shape[1] // BLOCK, before.shape[2] // BLOCK
        motion = Motion(np.broadcast_to(np.array(displacement), (*grid, 2)).copy(), 1.0)
        return LatentsBetween(linear_codec.tables, BLOCK, motion, before, after)

    return make


@pytest.fixture
def content() -> np.ndarray:
    """Latents (4, 16, 24) without a pattern."""
    return np.random.default_rng(1).integers(-200, 200, (4, 16, 24))


def test_what_moves_evenly_is_where_the_time_says(between, content: np.ndarray) -> None:
    before, after = content, np.roll(content, (2, -4), (1, 2))  # of 8 px
    made = between(before, after, (16, -32))
    inside = np.s_[:, 5:-5, 7:-7]
    for quarters, (down, across) in {2: (1, -2), 0: (0, 0), 4: (2, -4)}.items():
        expected = np.roll(content, (down, across), (1, 2))
        assert np.array_equal(made.at(quarters / 4)[inside], expected[inside])


def test_without_motion_it_is_the_mean_by_time(between, content: np.ndarray) -> None:
    after = content[:, ::-1]
    made = between(content, after, (0, 0)).at(0.25)
    assert np.allclose(made, 0.75 * content + 0.25 * after)


def test_motion_on_which_the_frames_do_not_agree_is_not_followed(
    between, content: np.ndarray
) -> None:
    assert np.array_equal(between(content, content, (24, 24)).at(0.5), content)
