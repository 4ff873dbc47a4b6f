"""What pictures lost, and its gradient, are what training's losses and PyTorch find."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from videocodec.encoder.picture_losses import Loss
from videocodec.judges.structure import lost_structure

METRIC = np.array([[2, 0.5, 0.1], [0.5, 1, 0.2], [0.1, 0.2, 3]], np.float32)


@pytest.mark.parametrize("size", [(96, 70), (45, 33), (8, 40)])
@pytest.mark.parametrize("structure", [0.0, 130.0])
def test_the_sum_and_its_gradient_are_pytorchs(size: tuple[int, int], structure: float) -> None:
    rng = np.random.default_rng(1)
    source = rng.uniform(-1, 1, (3, *size)).astype(np.float32)
    decoded = (0.7 * source + 0.2 * rng.standard_normal(source.shape)).astype(np.float32)
    ours, gradient = Loss(METRIC, structure)(decoded, source)
    seen = torch.from_numpy(decoded)[None].requires_grad_(True)
    error = (seen[0] - torch.from_numpy(source)) * 127.5
    lost = torch.einsum("ihw,ij,jhw->", error, torch.from_numpy(METRIC), error)
    kept = lost_structure(seen, torch.from_numpy(source)[None]).sum()
    lost = lost + structure * size[0] * size[1] * kept
    (expected,) = torch.autograd.grad(lost, seen)
    assert ours == pytest.approx(float(lost.detach()), rel=1e-4)
    wanted = expected[0].numpy()
    np.testing.assert_allclose(gradient, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


def test_equal_pictures_lose_nothing() -> None:
    picture = np.random.default_rng(2).uniform(-1, 1, (3, 48, 64)).astype(np.float32)
    lost, gradient = Loss(METRIC, 130.0)(picture, picture)
    assert lost == pytest.approx(0, abs=1) and np.abs(gradient).max() < 0.1
