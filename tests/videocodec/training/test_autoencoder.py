"""Training of the first autoencoder: short runs on the CPU, and its parts."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from videocodec.errors import InputError
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.models.autoencoders import load_autoencoder
from videocodec.models.bundle import BUNDLES
from videocodec.networks.weights import load_what_fits
from videocodec.training.autoencoder import (
    AutoencoderTraining,
    Codec,
    Shape,
    distortion,
    load_weights,
    save_weights,
    train_autoencoder,
)
from videocodec.training.budget import Budget
from videocodec.training.install import install_autoencoder

TINY = Shape(16, 8, 8, 1, 1, 1, 1, 1, 1)


@pytest.fixture(scope="module")
def asked(picture_folder: Path, lpips_weights: Path, tmp_path_factory) -> AutoencoderTraining:
    """Two steps of a tiny network on one crop of 64 px at a time."""
    return AutoencoderTraining(
        pictures=[picture_folder],
        lpips=lpips_weights,
        output=tmp_path_factory.mktemp("training") / "first",
        init=tmp_path_factory.mktemp("nothing"),
        budget=Budget(steps=2),
        batch=1,
        crop=64,
        shape=TINY,
    )


@pytest.fixture(scope="module")
def trained(asked: AutoencoderTraining) -> Path:
    """The output of a first run."""
    train_autoencoder(asked)
    return asked.output


def log(output: Path) -> list[dict]:
    """The lines of the log: what was asked for, then a validation each."""
    return [json.loads(line) for line in (output / "train.log").read_text().splitlines()]


class TestAShortRun:
    """A few steps cannot improve a model; they can show that everything is read, written and read
    again.
    """

    def test_it_writes_weights_log_and_state(self, trained: Path) -> None:
        assert {file.name for file in trained.iterdir()} == {
            "autoencoder.safetensors",
            "rate_model.safetensors",
            "train.log",
            "checkpoint",
        }
        start, *validations = log(trained)
        assert (start["from_step"], start["width"]) == (0, 8)
        assert [line["iteration"] for line in validations] == [0, 2]
        assert validations[-1]["pixels"] == 2 * 64 * 64
        assert all(len(row) == 4 for row in validations[-1]["validation"])
        written = load_file(str(trained / "autoencoder.safetensors"))
        assert {value.dtype for value in written.values()} == {torch.float16}

    def test_a_run_in_two_parts_ends_with_the_same_weights_to_the_bit(
        self, asked: AutoencoderTraining, trained: Path, tmp_path: Path
    ) -> None:
        """The whole run has a limit of two steps as well: schedules follow what is planned."""
        half = replace(asked, output=tmp_path / "parts", budget=Budget(steps=2, minutes=1e-9))
        train_autoencoder(half)  # the time is over before the first step
        assert [line["iteration"] for line in log(half.output)[1:]] == [0]
        train_autoencoder(replace(half, budget=Budget(steps=2, pixels=4096)))
        train_autoencoder(replace(half, budget=asked.budget))
        wanted, found = (
            load_file(str(folder / "checkpoint" / "weights.safetensors"))
            for folder in (trained, half.output)
        )
        assert log(half.output)[-1]["iteration"] == 2
        assert all(torch.equal(wanted[name], found[name]) for name in wanted)

    def test_it_starts_from_the_weights_it_is_given(
        self, asked: AutoencoderTraining, trained: Path, tmp_path: Path
    ) -> None:
        """Marked ones, which do badly: what a step changes is hardly more than what sixteen bits
        round off.
        """
        marked = tmp_path / "marked"
        shutil.copytree(trained, marked)
        weights = load_file(str(marked / "autoencoder.safetensors"))
        weights["decoder.head.bias"] += 0.5
        save_file(weights, str(marked / "autoencoder.safetensors"))
        train_autoencoder(replace(asked, output=tmp_path / "second", init=marked))
        first = log(tmp_path / "second")[1]
        assert first["iteration"] == 0
        assert first["figure"] > 1.05 * max(line["figure"] for line in log(trained)[1:])

    def test_the_decoder_alone_leaves_what_tables_are_made_for(
        self, asked: AutoencoderTraining, tmp_path: Path
    ) -> None:
        train_autoencoder(replace(asked, output=tmp_path / "out", decoder_only=True))
        start, end = (
            load_file(str(tmp_path / "out" / "checkpoint" / f"{name}.safetensors"))
            for name in ("average", "weights")
        )
        same = {name for name in end if torch.equal(start[name], end[name])}
        assert any(name.startswith("decoder.") for name in end.keys() - same)
        assert not any(name.startswith(("encoder.", "rate.")) for name in end.keys() - same)

    def test_its_output_becomes_a_bundle(self, trained: Path, tmp_path: Path) -> None:
        install_autoencoder(trained, tmp_path / "bundle")
        model = load_autoencoder(tmp_path / "bundle")
        written = load_file(str(trained / "autoencoder.safetensors"))
        assert set(model.state_dict()) == set(written)
        assert all(
            torch.equal(value, written[name].float()) for name, value in model.state_dict().items()
        )

    def test_no_picture_large_enough_to_validate_with_is_refused(
        self, asked: AutoencoderTraining, tmp_path: Path
    ) -> None:
        for index in range(41):
            cv2.imwrite(str(tmp_path / f"{index}.png"), np.zeros((64, 64, 3), np.uint8))
        with pytest.raises(InputError, match="no picture of 192 px or more to validate with"):
            train_autoencoder(replace(asked, pictures=[tmp_path], output=tmp_path / "out"))


class TestWeights:
    def test_what_fits_is_taken_over_and_new_parts_keep_their_start(self) -> None:
        torch.manual_seed(0)
        small, large = Codec(TINY), Codec(replace(TINY, encoder_blocks=2, decoder_wide_blocks=3))
        load_what_fits(large, {name: value.half() for name, value in small.state_dict().items()})
        picture = torch.rand(1, 3, 32, 32) * 2 - 1
        with torch.no_grad():
            assert torch.allclose(large.encoder(picture), small.encoder(picture), atol=0.02)

    def test_saving_leaves_only_whole_files_with_every_tensor(self, tmp_path: Path) -> None:
        codec = Codec(TINY)
        save_weights(codec, tmp_path)
        assert {file.name for file in tmp_path.iterdir()} == {
            "autoencoder.safetensors",
            "rate_model.safetensors",
        }
        names = [name for file in tmp_path.iterdir() for name in load_file(str(file))]
        assert sorted(names) == sorted(codec.state_dict())

    def test_weights_of_a_wider_model_are_left_out_and_not_squeezed_in(self) -> None:
        narrow = Codec(TINY)
        before = narrow.decoder.head.weight.clone()
        load_what_fits(narrow, Codec(replace(TINY, width=16)).state_dict())
        assert torch.equal(narrow.decoder.head.weight, before)

    def test_a_folder_without_weights_says_which_it_lacks(self, tmp_path: Path) -> None:
        assert load_weights(Codec(TINY), tmp_path) == ["autoencoder", "rate_model"]

    def test_the_committed_weights_spend_more_bits_on_a_finer_step(self) -> None:
        torch.manual_seed(0)
        codec, picture = Codec(Shape()), torch.rand(2, 3, 64, 64) * 2 - 1
        assert load_weights(codec, BUNDLES / "embedded") == []
        with torch.no_grad():
            (_, many), (_, few) = (codec(picture, torch.full((2,), step)) for step in (0.3, 3.0))
        assert torch.all(many > few)


def test_noise_of_training_follows_its_generator() -> None:
    torch.manual_seed(0)
    codec, picture, step = Codec(TINY), torch.rand(1, 3, 64, 64) * 2 - 1, torch.ones(1)
    with torch.no_grad():
        bits = [
            float(codec(picture, step, torch.Generator().manual_seed(seed))[1])
            for seed in (1, 1, 2)
        ]
    assert bits[0] == bits[1] != bits[2]


def test_distortion_is_of_the_error_and_more_perceptual_at_coarse_steps(
    lpips_weights: Path,
) -> None:
    judge, target = LpipsSqueeze(lpips_weights), torch.zeros(2, 3, 64, 64)
    decoded = target + 0.1 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    total, squared, lpips = distortion(decoded, target, torch.tensor([1.0, 2.0]), judge)
    assert squared.tolist() == pytest.approx([(0.1 * 127.5) ** 2] * 2, rel=0.05)
    assert float(total[1] - total[0]) == pytest.approx(
        1500 * (2**1.4 - 1) * float(lpips[0]), rel=0.01
    )
