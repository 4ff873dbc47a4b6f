"""How far decoders see: what their layers say, against where a number that is none spreads to."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from videocodec.models.bundle import ModelBundle
from videocodec.networks.autoencoder import Decoder
from videocodec.networks.reach import reach_of
from videocodec.networks.second.autoencoder import SecondDecoder, SecondShape


def small_decoder() -> Decoder:
    return Decoder(4, 4, 4, blocks=1, fine_blocks=1, wide_blocks=2, expansion=1)


def small_second() -> SecondDecoder:
    return SecondDecoder(SecondShape(4, 4, 4, 4, 1, 4, 2))


@torch.inference_mode()
def spread(decoder: nn.Module, channels: int, length: int, at: int, axis: int) -> tuple[int, int]:
    """Positions before and after ``at``, of a strip, any of whose pixels depend on it."""
    shape = (2, length) if axis else (length, 2)
    latents, steps = torch.zeros(1, channels, *shape), torch.zeros(1, *shape)
    latents.select(2 + axis, at).fill_(torch.nan)
    steps.select(1 + axis, at).fill_(torch.nan)
    pixels = torch.isnan(decoder(latents, steps)).any(0).any(0).any(1 - axis).nonzero()
    return at - int(pixels.min()) // 8, int(pixels.max()) // 8 - at


@pytest.mark.parametrize("make", [small_decoder, small_second])
@pytest.mark.parametrize("axis", [0, 1])
def test_reach_is_exactly_as_far_as_anything_spreads(make: Any, axis: int) -> None:
    decoder = make()
    found = [spread(decoder, 4, 48, at, axis) for at in (22, 23)]
    assert max(max(each) for each in found) == decoder.reach


@pytest.mark.parametrize(("name", "reach"), [("embedded", 31), ("second", 19)])
def test_the_packaged_models_say_how_far_they_see(name: str, reach: int) -> None:
    model = ModelBundle.find(name).load_autoencoder()
    assert model.decoder_reach == reach
    found = [spread(model.decoder, model.config.latent_channels, 72, at, 1) for at in (36, 37)]
    assert max(max(each) for each in found) == reach


def test_layers_that_skip_positions_are_refused() -> None:
    with pytest.raises(TypeError, match="one resolution"):
        reach_of(nn.Conv2d(1, 1, 3, stride=2))
