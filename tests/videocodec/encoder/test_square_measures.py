"""Measures of squares against plain ones of the parts of a picture."""

from __future__ import annotations

import numpy as np
import pytest

from videocodec.encoder.square_measures import square_measures
from videocodec.guard import BEST_PSNR
from videocodec.player.quality import psnr


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray]:
    """(70, 130, 3): squares of 64, 64 and 2 px across, 64 and 6 down."""
    rng = np.random.default_rng(3)
    source = rng.integers(0, 256, (70, 130, 3)).astype(np.uint8)
    decoded = source.copy()
    decoded[:64, 64:128] ^= rng.integers(0, 32, (64, 64, 3)).astype(np.uint8)
    decoded[64:, 128:] = 0
    return decoded, source


def test_psnr_is_that_of_each_part(pictures: tuple[np.ndarray, np.ndarray]) -> None:
    found = square_measures("psnr", *pictures)
    assert found.shape == (2, 3)
    for row, column in np.ndindex(2, 3):
        part = np.s_[64 * row : 64 * row + 64, 64 * column : 64 * column + 64]
        expected = psnr(*(np.ascontiguousarray(picture[part]) for picture in pictures))
        assert found[row, column] == pytest.approx(expected, abs=1e-4)
    assert found[0, 0] == BEST_PSNR


def test_ssim_falls_where_the_picture_does(pictures: tuple[np.ndarray, np.ndarray]) -> None:
    found = square_measures("ssim", *pictures)
    assert found.shape == (2, 3) and found[0, 0] > found[0, 1] > found[1, 2]
    assert square_measures("ssim", pictures[1], pictures[1]) == pytest.approx(1)
