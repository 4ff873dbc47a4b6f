"""Weights of one network in another."""

from __future__ import annotations

import torch
from torch import nn

from videocodec.networks.context import ContextModel
from videocodec.networks.weights import load_what_fits


def test_new_planes_start_at_zero_and_leave_the_result_as_it_was() -> None:
    narrow, wide = nn.Conv2d(2, 4, 3), nn.Conv2d(5, 4, 3)
    assert load_what_fits(wide, narrow.state_dict()) == {"weight", "bias"}
    x = torch.randn(1, 5, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(wide(x), narrow(x[:, :2]), atol=1e-6)


def test_what_is_larger_or_of_another_kernel_or_unknown_is_left_out() -> None:
    model = nn.Conv2d(3, 4, 3)
    before = model.weight.clone()
    for other in (nn.Conv2d(5, 4, 3), nn.Conv2d(2, 4, 1), nn.Conv2d(3, 8, 3)):
        assert "weight" not in load_what_fits(model, other.state_dict())
        assert torch.equal(model.weight, before)
    assert load_what_fits(model, {"else": torch.zeros(1)}) == set()


def test_half_precision_becomes_single_and_prefixes_are_taken_off() -> None:
    model, other = nn.Linear(3, 2), nn.Linear(3, 2).half()
    state = {f"rate.{name}": value for name, value in other.state_dict().items()}
    assert load_what_fits(model, state, "rate.") == {"weight", "bias"}
    assert model.weight.dtype == torch.float32
    assert torch.equal(model.weight, other.weight.float())


def test_a_context_model_starts_alike_from_generators_of_one_seed() -> None:
    models = [ContextModel(generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    first, same, other = (model.nets[2].gather.weight for model in models)
    assert torch.equal(first, same) and not torch.equal(first, other)
    assert float(first.detach().abs().max()) <= 1 / (9 * first.shape[1]) ** 0.5
