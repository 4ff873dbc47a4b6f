"""Muon: updates whose singular values are about 1, at AdamW's size."""

from __future__ import annotations

import pytest
import torch

from videocodec.training.muon import Muon, orthogonalised


@pytest.mark.parametrize("shape", [(12, 40), (40, 12), (16, 16)])
def test_singular_values_become_about_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalised(matrix).float())
    assert values.min() > 0.5 and values.max() < 1.3


def test_an_update_is_as_large_as_one_of_adamw() -> None:
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.zeros(32, 8, 3, 3))
    weight.grad = 1e-6 * torch.randn(32, 8, 3, 3)
    Muon([{"params": [weight]}], lr=0.5).step()
    assert float(weight.detach().square().mean().sqrt()) == pytest.approx(0.5 * 0.2, rel=0.25)


def test_it_goes_downhill_and_what_has_no_gradient_stays() -> None:
    torch.manual_seed(0)
    weight, other = (torch.nn.Parameter(torch.randn(6, 5)) for _ in range(2))
    before, optimiser = other.detach().clone(), Muon([{"params": [weight, other]}], lr=0.02)
    start = float(weight.detach().square().sum())
    for _ in range(300):
        optimiser.zero_grad()
        weight.square().sum().backward()
        optimiser.step()
    assert float(weight.detach().square().sum()) < 0.1 * start
    assert torch.equal(other.detach(), before)
