"""The network for twice the size learns on decoded pictures, and its runs go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from videocodec.calibration.post_filter import integer_post_filter
from videocodec.decoded import quantisers_of
from videocodec.models.post_filter import PostFilter
from videocodec.networks.post_filter import PostFilterNetwork, PostFilterShape
from videocodec.networks.second.autoencoder import SecondShape
from videocodec.networks.second.codec import ACTIVATION, SecondCodec
from videocodec.networks.upscaling import PictureUpscaler, UpscalerShape
from videocodec.training import checkpoints
from videocodec.training.budget import Budget
from videocodec.training.loop import Interval
from videocodec.training.randomness import Randomness
from videocodec.training.second import pack
from videocodec.training.second.start import start_from_principal_components
from videocodec.training.second.upscaling import UpscalerTraining, train_upscaler
from videocodec.training.second.upscaling_examples import (
    SIDE,
    STEP_RANGE,
    Examples,
    halved,
    make_examples,
)

TINY = SecondShape(8, 8, 8, 8, 1, 8, 1)


@pytest.fixture
def codec(data: Path) -> SecondCodec:
    torch.manual_seed(0)
    made = SecondCodec(TINY).requires_grad_(False)
    start_from_principal_components(made, pack.read(data).frames)
    return made


@pytest.fixture
def asked(codec: SecondCodec, lpips_weights: Path, tmp_path: Path) -> UpscalerTraining:
    weights = tmp_path / "codec.safetensors"
    save_file(
        {name: value.contiguous() for name, value in codec.state_dict().items()},
        str(weights),
        {ACTIVATION: "relu"},
    )
    return UpscalerTraining(
        weights=weights,
        lpips=lpips_weights,
        folder=tmp_path / "run",
        examples=4,
        batch=2,
        shape=UpscalerShape(width=8, blocks=1),
        look=Interval(),
    )


def log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_examples_are_pictures_and_what_the_codec_makes_of_their_halves(
    codec: SecondCodec, data: Path
) -> None:
    examples = make_examples(codec, pack.read(data), 3, Randomness(0))
    assert len(examples) == 3
    assert examples.targets.shape == (3, 3, SIDE, SIDE) and examples.targets.dtype == torch.uint8
    assert examples.coded.shape == (3, 3, SIDE // 2, SIDE // 2)
    assert examples.coded.dtype == torch.uint8
    assert all(STEP_RANGE[0] <= float(step) <= STEP_RANGE[1] for step in examples.steps)
    again = make_examples(codec, pack.read(data), 3, Randomness(0))
    assert torch.equal(again.coded, examples.coded)
    assert torch.equal(examples.chosen(torch.tensor([2, 0])).steps, examples.steps[[2, 0]])


def test_examples_go_through_a_post_filter(codec: SecondCodec, data: Path) -> None:
    network = PostFilterNetwork(PostFilterShape(8, 1))
    assert network.last.bias is not None
    with torch.no_grad():
        network.last.bias.fill_(0.25)
    brighter = integer_post_filter(network)
    plain = make_examples(codec, pack.read(data), 3, Randomness(0))
    examples = make_examples(codec, pack.read(data), 3, Randomness(0), brighter)
    assert torch.equal(examples.targets, plain.targets)
    assert torch.equal(examples.steps, plain.steps)
    for decoded, shown, step in zip(plain.coded, examples.coded, plain.steps, strict=True):
        quantisers = quantisers_of(np.full((SIDE // 16, SIDE // 16), float(step), np.float32))
        expected = brighter.picture(decoded.permute(1, 2, 0).numpy(), quantisers)
        assert np.array_equal(shown.permute(1, 2, 0).numpy(), expected)
        assert shown.float().mean() > decoded.float().mean() + 10


def test_a_training_looks_through_the_post_filter_of_a_bundle(
    asked: UpscalerTraining, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def black(self: PostFilter, decoded: np.ndarray, quantisers: np.ndarray) -> np.ndarray:
        seen.append(decoded.shape)
        return np.zeros_like(decoded)

    monkeypatch.setattr(PostFilter, "picture", black)
    integer_post_filter(PostFilterNetwork(PostFilterShape(8, 1))).save(tmp_path)
    filtered = replace(asked, filtered_by=tmp_path)
    train_upscaler(filtered, pack.read(data), Budget(steps=1))
    assert len(seen) >= asked.examples and set(seen) == {(SIDE // 2, SIDE // 2, 3)}


def test_every_kernel_keeps_the_place_of_what_is_seen(texture: Callable[..., np.ndarray]) -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[20:44, 10:40] = 200
    for number in range(24):
        small = halved(picture, np.random.default_rng(number))
        assert small.shape == (32, 32, 3)
        light = small[..., 1] > 100
        rows, columns = (np.flatnonzero(light.any(axis)) for axis in (1, 0))
        assert (rows[0], rows[-1], columns[0], columns[-1]) == (10, 21, 5, 19)


def test_training_comes_nearer_and_the_autoencoder_stays(
    asked: UpscalerTraining, data: Path
) -> None:
    zeros = PictureUpscaler(asked.shape)
    asked = replace(asked, init=asked.folder.with_name("zeros.safetensors"), learning_rate=5e-3)
    save_file(zeros.state_dict(), str(asked.init))
    weights, pictures = load_file(str(asked.weights)), pack.read(data)
    codec = SecondCodec(TINY)
    codec.load(asked.weights)
    examples = make_examples(codec, pictures, asked.examples, Randomness(asked.seed))
    learner = train_upscaler(asked, pictures, Budget(steps=40))
    assert mean_error(learner.average, examples) < 0.97 * mean_error(zeros, examples)
    after = load_file(str(asked.weights))
    assert all(torch.equal(after[name], value) for name, value in weights.items())
    written = load_file(str(asked.folder / "upscaler.safetensors"))
    assert {value.dtype for value in written.values()} == {torch.float16}


def test_photographs_held_out_are_looked_at(asked: UpscalerTraining, data: Path) -> None:
    pictures = pack.read(data)
    large = [np.tile(picture, (2, 2, 1)) for picture in pictures.held_out_photographs]
    train_upscaler(asked, replace(pictures, held_out_photographs=large), Budget(steps=1))
    first, last = log(asked.folder)
    assert (first["steps"], last["steps"]) == (0, 1)
    assert [len(first[f"step {step}"]) for step in ("0.6", "2")] == [4, 4]


@torch.no_grad()
def mean_error(network: torch.nn.Module, examples: Examples) -> float:
    """Squared, of pictures in [-1, 1]."""
    targets, coded = (p.float().div(127.5).sub(1) for p in (examples.targets, examples.coded))
    side = SIDE // 16
    steps = torch.log2(examples.steps)[:, None, None].expand(-1, side, side)
    return float(((network(coded, steps) - targets) ** 2).mean())


def test_a_run_that_was_stopped_goes_on_and_weights_are_started_from(
    asked: UpscalerTraining, data: Path
) -> None:
    pictures = pack.read(data)
    train_upscaler(asked, pictures, Budget(steps=2))
    learner = train_upscaler(asked, pictures, Budget(steps=3))
    assert learner.steps == 3 and checkpoints.exists(asked.folder / "checkpoint")
    other = replace(
        asked,
        folder=asked.folder.with_name("other"),
        init=asked.folder / "upscaler.safetensors",
        learning_rate=1e-9,
    )
    started = train_upscaler(other, pictures, Budget(steps=1)).average
    for name, value in load_file(str(other.init)).items():
        assert torch.allclose(started.state_dict()[name], value.float(), atol=1e-5)
