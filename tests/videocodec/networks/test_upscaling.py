"""The network for twice the size: where it starts, how far it looks, which weights it takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from videocodec.errors import UnknownModelError
from videocodec.networks.starts import zeroed
from videocodec.networks.upscaling import PictureUpscaler, UpscalerShape
from videocodec.scaling import magnified

SHAPE = UpscalerShape(width=12, blocks=1)


@pytest.fixture
def network() -> PictureUpscaler:
    """One with weights everywhere."""
    torch.manual_seed(0)
    made = PictureUpscaler(SHAPE)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return made.requires_grad_(False)


def test_zeros_enlarge_as_everything_else_does(network: PictureUpscaler) -> None:
    for layer in (network.head, network.linear):
        zeroed(layer)
    picture = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    coded = torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1
    large = (network(coded, torch.zeros(1, 3, 5)).clamp(-1, 1)[0].permute(1, 2, 0) + 1).mul(127.5)
    assert np.abs(np.rint(large.numpy()) - magnified(picture, (80, 48))).max() <= 2


def test_it_starts_there() -> None:
    network, coded = PictureUpscaler(SHAPE), torch.rand(1, 3, 16, 24) * 2 - 1
    fine, coarse = (network(coded, torch.full((1, 2, 3), step)) for step in (-1.0, 3.0))
    assert torch.equal(fine, coarse)


def test_the_step_counts_where_it_is(network: PictureUpscaler) -> None:
    coded = torch.rand(1, 3, 80, 160) * 2 - 1
    steps = torch.zeros(1, 10, 20)
    changed = steps.clone()
    changed[:, :, 10:] = 2.0
    differ = (network(coded, steps) != network(coded, changed)).any(1)[0].any(0)
    assert not differ[: 160 - 2 * network.reach].any() and differ[160:].all()


@pytest.mark.parametrize(("height", "width"), [(15, 21), (16, 21), (17, 24)])
def test_odd_sides_are_doubled_too(network: PictureUpscaler, height: int, width: int) -> None:
    coded = torch.rand(1, 3, height, width) * 2 - 1
    steps = torch.zeros(1, -(-height // 8), -(-width // 8))
    assert network(coded, steps).shape == (1, 3, 2 * height, 2 * width)


def test_a_plain_picture_has_no_frame_along_its_edges(network: PictureUpscaler) -> None:
    made = network(torch.full((1, 3, 48, 64), 0.3), torch.ones(1, 6, 8))
    assert (made - made[:, :, 44:48, 60:64].repeat(1, 1, 24, 32)).abs().max() < 1e-5


def test_pixels_depend_on_nothing_beyond_the_reach(network: PictureUpscaler) -> None:
    side = 8 * (2 * network.reach // 8 + 2)
    coded, middle = torch.rand(1, 3, side, side), side // 2
    changed = coded.clone()
    changed[:, :, middle, middle] = -1
    steps = torch.zeros(1, side // 8, side // 8)
    differ = (network(coded, steps) != network(changed, steps)).any(1)[0]
    for axis in (0, 1):
        places = differ.any(axis).nonzero().flatten() // 2
        reached = middle - int(places.min()), int(places.max()) - middle
        assert network.reach - 2 <= max(reached) <= network.reach


def test_weights_come_back_and_others_are_refused(tmp_path: Path) -> None:
    network, file = PictureUpscaler(SHAPE), tmp_path / "weights.safetensors"
    torch.nn.init.normal_(network.head.weight)
    save_file({name: value.half() for name, value in network.state_dict().items()}, str(file))
    found = PictureUpscaler(SHAPE)
    found.load(file)
    assert torch.equal(found.head.weight, network.head.weight.half().float())
    message = "no weights of a network for twice the size, 16 wide"
    with pytest.raises(UnknownModelError, match=message):
        PictureUpscaler(UpscalerShape(width=16, blocks=1)).load(file)
    with pytest.raises(UnknownModelError, match=r"nothing.safetensors: no weights of a network"):
        found.load(tmp_path / "nothing.safetensors")
