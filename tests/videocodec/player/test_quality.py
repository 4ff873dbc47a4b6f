"""PSNR and SSIM beside figures worked out in other ways."""

from __future__ import annotations

import numpy as np
import pytest

from videocodec.player.quality import BEST_PSNR, psnr, ssim


def test_psnr_is_that_of_the_definition(texture) -> None:
    picture = texture(40, 56)
    noisy = np.clip(
        picture.astype(int) + np.random.default_rng(0).integers(-9, 10, picture.shape), 0, 255
    ).astype(np.uint8)
    error = np.mean((picture.astype(np.float64) - noisy) ** 2)
    assert psnr(picture, noisy) == pytest.approx(10 * np.log10(255**2 / error), abs=1e-4)
    assert psnr(picture, picture) == BEST_PSNR


def plain_ssim(first: np.ndarray, second: np.ndarray) -> float:
    """The mean over windows of 8 × 8 px, 4 px apart, of the formula of Wang et al. 2004."""
    scores = []
    for row in range(0, first.shape[0] // 4 * 4 - 7, 4):
        for column in range(0, first.shape[1] // 4 * 4 - 7, 4):
            a, b = (
                plane[row : row + 8, column : column + 8].astype(np.float64)
                for plane in (first, second)
            )
            covariance = ((a - a.mean()) * (b - b.mean())).sum() / 63
            mean = (2 * a.mean() * b.mean() + (0.01 * 255) ** 2) / (
                a.mean() ** 2 + b.mean() ** 2 + (0.01 * 255) ** 2
            )
            scores.append(
                mean
                * (2 * covariance + (0.03 * 255) ** 2)
                / (a.var(ddof=1) + b.var(ddof=1) + (0.03 * 255) ** 2)
            )
    return float(np.mean(scores))


def test_ssim_is_that_of_the_definition_on_luma(texture) -> None:
    picture = texture(64, 96)
    blurred = np.clip(
        picture.astype(int) + np.random.default_rng(1).integers(-20, 21, picture.shape), 0, 255
    ).astype(np.uint8)
    luma = [np.rint(rgb @ [0.299, 0.587, 0.114]) for rgb in (picture, blurred)]
    assert ssim(picture, blurred) == pytest.approx(plain_ssim(*luma), abs=0.005)
    assert ssim(picture, picture) == pytest.approx(1)


def test_a_picture_below_one_window_has_no_ssim() -> None:
    tiny = np.zeros((6, 40, 3), np.uint8)
    assert ssim(tiny, tiny) is None and psnr(tiny, tiny) == BEST_PSNR


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        psnr(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 16, 3), np.uint8))
    with pytest.raises(ValueError, match="uint8"):
        ssim(np.zeros((8, 8, 3)), np.zeros((8, 8, 3)))
