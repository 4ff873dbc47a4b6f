"""Networks of the second autoencoder: geometry, where they start, what their weights are called."""

from __future__ import annotations

import pytest
import torch

from videocodec.networks.second.autoencoder import (
    SecondDecoder,
    SecondEncoder,
    SecondShape,
    WideBlock,
    at_half_resolution,
)
from videocodec.networks.second.codec import SecondCodec

TINY = SecondShape(8, 8, 8, 8, 1, 8, 1)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (40, 72), (8, 24)])
def test_any_multiple_of_8_goes_through(height: int, width: int) -> None:
    latents = SecondEncoder(TINY)(torch.zeros(2, 3, height, width))
    assert latents.shape == (2, 8, height // 8, width // 8)
    pictures = SecondDecoder(TINY)(latents, torch.zeros(2))
    assert pictures.shape == (2, 3, height, width)


def test_a_step_can_be_a_number_or_a_map() -> None:
    decoder, latents = SecondDecoder(TINY), torch.randn(2, 8, 4, 6)
    torch.nn.init.normal_(decoder.head.weight)
    with torch.no_grad():
        numbers = decoder(latents, torch.tensor([0.5, -1.0]))
        maps = decoder(latents, torch.tensor([0.5, -1.0])[:, None, None].expand(2, 4, 6))
        others = decoder(latents, torch.tensor([0.5, 1.0]))
    assert torch.equal(numbers, maps)
    assert torch.equal(numbers[0], others[0]) and not torch.equal(numbers[1], others[1])


def test_networks_start_as_their_linear_path() -> None:
    encoder, picture = SecondEncoder(TINY), torch.rand(1, 3, 32, 32)
    assert torch.equal(encoder(picture), encoder.linear(picture))


def test_blocks_start_almost_as_the_identity() -> None:
    x = torch.randn(1, 8, 10, 10)
    assert torch.allclose(WideBlock(8)(x), x, atol=0.02)


def test_half_resolution_gives_back_the_size_it_was_given() -> None:
    x = torch.randn(1, 3, 5, 7)
    assert torch.equal(at_half_resolution(torch.nn.Identity(), x), x)


def test_a_pixel_far_away_does_not_matter() -> None:
    """No statistics over a frame: its parts can be decoded apart."""
    decoder = SecondDecoder(TINY)
    torch.nn.init.normal_(decoder.head.weight)
    latents = torch.randn(1, 8, 40, 40)
    changed = latents.clone()
    changed[..., 39, 39] += 10
    with torch.no_grad():
        a, b = decoder(latents, torch.zeros(1)), decoder(changed, torch.zeros(1))
    assert torch.equal(a[..., :64, :64], b[..., :64, :64])
    assert not torch.equal(a, b)


def test_weights_of_training_runs_have_these_names_and_shapes() -> None:
    state = SecondCodec().state_dict()
    assert len(state) == 143
    assert sum(value.numel() for value in state.values()) == 2_018_332
    shapes = {name: tuple(state[name].shape) for name in state}
    for name, shape in {
        "encoder.linear.weight": (48, 3, 8, 8),
        "encoder.low.2.dw.weight": (192, 1, 5, 5),
        "encoder.low.3.bias": (384,),
        "decoder.stem.weight": (96, 49, 3, 3),
        "decoder.low.4.weight": (384, 256, 1, 1),
        "decoder.body.1.b.weight": (96, 192, 1, 1),
        "decoder.fine.dw.weight": (48, 1, 3, 3),
        "rate.nets.6.direct.weight": (32, 101, 3, 3),
        "rate.nets.6.gather.weight": (32, 101, 3, 3),
        "rate.nets.6.mix.weight": (32, 32, 1, 1),
        "rate.differences.3.direct.weight": (8, 325),
        "rate.differences.3.gather.weight": (96, 325),
        "rate.differences.3.mix.weight": (8, 96),
    }.items():
        assert shapes[name] == shape


def test_the_networks_cost_about_8_thousand_multiplications_a_pixel_each() -> None:
    """Counted on a picture of 64×64 px; the linear paths are in it."""
    total = 0

    def count(layer: torch.nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        nonlocal total
        per_output = layer.weight[0].numel()
        positions = inputs[0] if isinstance(layer, torch.nn.ConvTranspose2d) else output
        channels = positions.shape[1]
        total += per_output * channels * positions.shape[2] * positions.shape[3]

    for network, inputs in (
        (SecondEncoder(SecondShape()), (torch.zeros(1, 3, 64, 64),)),
        (SecondDecoder(SecondShape()), (torch.zeros(1, 48, 8, 8), torch.zeros(1))),
    ):
        total = 0
        for layer in network.modules():
            if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
                layer.register_forward_hook(count)
        network(*inputs)
        assert 5800 < total / 64**2 < 8300
