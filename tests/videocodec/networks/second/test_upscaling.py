"""The head for twice the size: where it starts, how far it looks, which weights it takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from videocodec.errors import UnknownModelError
from videocodec.networks.second.autoencoder import SecondDecoder, SecondShape
from videocodec.networks.second.upscaling import UpscalerShape, UpscalingDecoder, UpscalingHead
from videocodec.networks.starts import zeroed
from videocodec.scaling import magnified

TINY = SecondShape(8, 8, 8, 8, 1, 8, 1)
HEAD = UpscalerShape(features=8, width=12, blocks=1, kernel=3)


@pytest.fixture
def decoder() -> UpscalingDecoder:
    """One with weights everywhere."""
    torch.manual_seed(0)
    made = UpscalingDecoder(SecondDecoder(TINY), UpscalingHead(HEAD))
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return made.requires_grad_(False)


def test_a_head_of_zeros_enlarges_as_everything_else_does(decoder: UpscalingDecoder) -> None:
    latents, step = torch.randn(1, 8, 3, 5), torch.zeros(1)
    for layer in (decoder.upscaler.head, decoder.upscaler.linear):
        zeroed(layer)
    usual, large = (
        (p.clamp(-1, 1)[0].permute(1, 2, 0) + 1).mul(127.5).numpy()
        for p in (decoder.decoder(latents, step), decoder(latents, step))
    )
    assert large.shape == (48, 80, 3)
    by_opencv = magnified(np.rint(usual).astype(np.uint8), (80, 48))
    assert np.abs(np.rint(large) - by_opencv).max() <= 2


def test_it_starts_there() -> None:
    head, pictures = UpscalingHead(HEAD), torch.rand(1, 3, 16, 24) * 2 - 1
    features = torch.randn(1, 8, 4, 6)
    assert torch.equal(head(features, pictures), head(torch.zeros_like(features), pictures))


def test_features_and_step_count(decoder: UpscalingDecoder) -> None:
    latents = torch.randn(1, 8, 4, 4)
    fine, coarse = (decoder(latents, torch.tensor([step])) for step in (-1.0, 2.0))
    assert not torch.allclose(fine, coarse)


def test_pixels_depend_on_nothing_beyond_the_reach(decoder: UpscalingDecoder) -> None:
    reach = decoder.reach
    side = 2 * reach + 9
    latents = torch.randn(1, 8, side, side)
    changed = latents.clone()
    middle = side // 2 // 2 * 2
    changed[:, :, middle, middle] += 10
    differ = (decoder(latents, torch.zeros(1)) != decoder(changed, torch.zeros(1))).any(1)[0]
    rows, columns = (differ.any(axis).nonzero().flatten() // 16 for axis in (1, 0))
    for places in (rows, columns):
        assert middle - reach <= int(places.min()) <= middle <= int(places.max()) <= middle + reach
    assert reach > decoder.decoder.reach


def test_weights_come_back_and_others_are_refused(tmp_path: Path) -> None:
    head, file = UpscalingHead(HEAD), tmp_path / "head.safetensors"
    torch.nn.init.normal_(head.head.weight)
    save_file({name: value.half() for name, value in head.state_dict().items()}, str(file))
    found = UpscalingHead(HEAD)
    found.load(file)
    assert torch.equal(found.head.weight, head.head.weight.half().float())
    with pytest.raises(UnknownModelError, match="no weights of a head for twice the size, 16 wide"):
        UpscalingHead(UpscalerShape(features=8, width=16, blocks=1)).load(file)
    with pytest.raises(UnknownModelError, match=r"nothing.safetensors: no weights of a head"):
        found.load(tmp_path / "nothing.safetensors")
