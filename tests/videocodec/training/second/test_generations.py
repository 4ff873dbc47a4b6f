"""Pictures that are decoded, moved and encoded again in training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bitstream.v2.loop_networks import MIDDLE
from bitstream.v2.moved_pictures import InterpolatedPicture
from videocodec.errors import InputError
from videocodec.networks.second.autoencoder import SecondShape
from videocodec.networks.second.codec import SecondCodec
from videocodec.training.second import pack
from videocodec.training.second.generations import (
    GENERATIONS,
    SMALLEST_CROP,
    later_generation,
    moved,
)
from videocodec.training.second.losses import SecondWeights
from videocodec.training.second.objective import Objective
from videocodec.training.second.recipe import SecondTraining
from videocodec.training.second.run import new_learner


def no_lpips(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(a))


@pytest.fixture
def codec() -> SecondCodec:
    torch.manual_seed(0)
    return SecondCodec(SecondShape(8, 8, 8, 8, 1, 8, 1))


def test_whole_pixels_are_a_window() -> None:
    picture = torch.rand(2, 3, 40, 48)
    assert torch.equal(moved(picture, (6, 14)), picture[:, :, 3:35, 7:47])


@pytest.mark.parametrize("offset", [(1, 0), (0, 7), (5, 15)])
def test_halves_are_what_the_loop_interpolates(offset: tuple[int, int]) -> None:
    samples = np.random.default_rng(0).integers(0, 2 * MIDDLE + 1, (3, 40, 48)).astype(np.int16)
    vector = np.array([offset])
    square = InterpolatedPicture(samples, vector).squares(np.array([16]), np.array([24]), vector)[0]
    found = moved(torch.from_numpy(samples)[None].float(), offset)[0, :, 16:24, 24:32].numpy()
    assert np.abs(np.clip(found, 0, 2 * MIDDLE) - square).max() <= 0.51  # rounded there


@pytest.mark.parametrize("seed", range(6))
def test_source_and_picture_go_the_same_way(codec: SecondCodec, seed: int) -> None:
    with torch.no_grad():
        for network in (codec.encoder, codec.decoder):
            network.head.weight.zero_()
            network.head.bias.zero_()
        basis = torch.linalg.qr(torch.randn(192, 192))[0][:8].reshape(8, 3, 8, 8)
        codec.encoder.linear.weight.copy_(basis)
        codec.decoder.linear.weight.copy_(basis)
    flat = codec.decoder(torch.randn(1, 8, 1, 1).expand(1, 8, 8, 8) / 100, torch.zeros(1)).detach()
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        made, source = later_generation(codec, flat, flat, torch.ones(1), rng)
    assert made.shape == source.shape
    assert 64 - made.shape[2] in [8 * n for n in range(1, GENERATIONS + 1)]
    # A projection onto what the codec can hold: nothing is gained, and never more than all lost.
    assert float((made**2).sum()) <= float((source**2).sum()) * 1.001


def test_the_last_time_teaches_both_networks(codec: SecondCodec) -> None:
    pictures = torch.rand(1, 3, 64, 64) - 0.5
    for seed in range(4):
        codec.zero_grad()
        made, source = later_generation(
            codec, pictures, pictures, torch.ones(1), np.random.default_rng(seed)
        )
        (made - source).square().mean().backward()
        for network in (codec.encoder, codec.decoder):
            assert network.linear.weight.grad.abs().max() > 0


def test_a_step_counts_later_generations_by_their_weight(asked: SecondTraining, data: Path) -> None:
    pictures = torch.rand(3, 3, SMALLEST_CROP, SMALLEST_CROP) - 0.5

    def loss(weight: float) -> float:
        learner = new_learner(asked, pack.read(data))
        weights = SecondWeights(generation=weight)
        return float(Objective(no_lpips, weights).loss(learner, pictures).detach())

    without, once, twice = (loss(weight) for weight in (0.0, 1.0, 2.0))
    assert once > without
    assert twice - once == pytest.approx(once - without, rel=1e-3)


def test_crops_that_generations_would_use_up_are_refused(asked: SecondTraining) -> None:
    with pytest.raises(InputError, match="crops of 64 px are too small"):
        replace(asked, weights=SecondWeights(generation=0.5))
