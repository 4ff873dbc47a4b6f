"""LPIPS as a loss: a distance, with gradients for the picture that is being made."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from videocodec.networks.perceptual import LpipsSqueeze


@pytest.fixture(scope="module")
def lpips(lpips_weights: Path) -> LpipsSqueeze:
    return LpipsSqueeze(lpips_weights)


def test_one_distance_per_picture_zero_only_for_equal_ones(lpips: LpipsSqueeze) -> None:
    torch.manual_seed(0)
    a = torch.rand(3, 3, 48, 64) * 2 - 1
    b = a.clone()
    b[1] = (b[1] + 0.1 * torch.randn(3, 48, 64)).clamp(-1, 1)
    b[2] = torch.rand(3, 48, 64) * 2 - 1
    distance = lpips(a, b)
    assert distance.shape == (3,)
    assert float(distance[0]) == pytest.approx(0, abs=1e-6)
    assert 0 < float(distance[1]) < float(distance[2])
    assert torch.allclose(distance, lpips(b, a), rtol=1e-4)


def test_gradients_reach_the_first_picture(lpips: LpipsSqueeze) -> None:
    a = torch.zeros(1, 3, 40, 40, requires_grad=True)
    lpips(a, torch.ones(1, 3, 40, 40) * 0.5).sum().backward()
    assert float(a.grad.abs().sum()) > 0


def test_its_weights_are_not_trained(lpips: LpipsSqueeze) -> None:
    assert not list(lpips.parameters())
