"""Lost structure: what it is, that it is of contrast and structure alone, and its gradient."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from videocodec.judges.structure import lost_structure, ms_ssim


def pictures(side: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A grey one of blobs, and the same with noise, of levels 60 to 200."""
    rng = np.random.default_rng(seed)
    blobs = cv2.GaussianBlur(rng.standard_normal((side, side)), (0, 0), 2)
    source = 128 + 60 * blobs / np.abs(blobs).max()
    both = (
        np.repeat(x[None, None], 3, 1) / 127.5 - 1
        for x in (source, source + rng.normal(0, 4, source.shape))
    )
    source, noisy = (torch.from_numpy(x.astype(np.float32)) for x in both)
    return source, noisy


def test_of_one_scale_is_what_ssim_says_of_contrast_and_structure() -> None:
    source, noisy = pictures(20)

    def blurred(x: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(x, (11, 11), 1.5)[5:-5, 5:-5]

    a, b = (127.5 * (x[0, 0].numpy().astype(np.float64) + 1) for x in (noisy, source))
    variances = blurred(a * a) - blurred(a) ** 2 + blurred(b * b) - blurred(b) ** 2
    kept = (2 * (blurred(a * b) - blurred(a) * blurred(b)) + 58.5225) / (variances + 58.5225)
    assert float(lost_structure(noisy, source)[0]) == pytest.approx(1 - kept.mean(), rel=1e-3)


@pytest.mark.parametrize("side", [11, 21, 22, 64, 200])
def test_is_nothing_of_equal_pictures_grows_with_noise_and_knows_no_brightness(side: int) -> None:
    source, noisy = pictures(side)
    assert float(lost_structure(source, source)[0]) == pytest.approx(0, abs=1e-4)
    assert float(lost_structure(source + 0.1, source)[0]) == pytest.approx(0, abs=1e-4)
    little, more = (
        float(lost_structure(source + far * (noisy - source), source)[0]) for far in (1, 3)
    )
    assert 0.001 < little < more < 2


def test_coarse_scales_count_too() -> None:
    """Noise that halving takes away costs less than the same variance in blobs, which stay."""
    source, _ = pictures(200)
    rng = np.random.default_rng(5)
    fine = rng.standard_normal((200, 200))
    coarse = cv2.GaussianBlur(rng.standard_normal((200, 200)), (0, 0), 5)
    lost = []
    for noise in (fine, coarse):
        noise = torch.from_numpy((0.05 * noise / noise.std()).astype(np.float32))
        lost.append(float(lost_structure(source + noise, source)[0]))
    assert lost[0] < lost[1]


def test_pictures_smaller_than_a_window_have_none_to_lose() -> None:
    assert lost_structure(*pictures(10)).tolist() == [0.0]


def test_every_picture_of_a_batch_has_its_own() -> None:
    source, noisy = pictures(48)
    both = lost_structure(torch.cat([source, noisy]), torch.cat([source, source]))
    assert both[0] == pytest.approx(0, abs=1e-4)
    assert float(both[1]) == pytest.approx(float(lost_structure(noisy, source)[0]), rel=1e-4)


def test_against_its_gradient_structure_comes_back() -> None:
    source, noisy = pictures(48)
    noisy.requires_grad_(True)
    before = lost_structure(noisy, source)[0]
    (gradient,) = torch.autograd.grad(before, noisy)
    with torch.no_grad():
        after = lost_structure(noisy - 0.01 * gradient / gradient.abs().max(), source)[0]
    assert after < before


class TestMsSsim:
    """The measure itself, with its brightness."""

    @staticmethod
    def noisy(amount: float) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(0)
        small = torch.rand(2, 3, 24, 24, generator=generator) * 2 - 1
        source = torch.nn.functional.interpolate(small, (192, 192), mode="bicubic").clamp(-1, 1)
        return source + amount * torch.randn(source.shape, generator=generator), source

    def test_equal_pictures_have_1_and_noise_takes_from_it(self) -> None:
        values = [float(ms_ssim(*self.noisy(amount)).min()) for amount in (0.0, 0.05, 0.3)]
        assert values[0] == pytest.approx(1, abs=1e-5)
        assert 1 > values[1] > values[2] > 0

    def test_it_loses_by_brightness_what_lost_structure_does_not_see(self) -> None:
        source = self.noisy(0)[1] * 0.5
        darker = source - 0.2
        assert float(lost_structure(darker, source).max()) == pytest.approx(0, abs=1e-4)
        assert 0.8 < float(ms_ssim(darker, source).min()) < 0.999
