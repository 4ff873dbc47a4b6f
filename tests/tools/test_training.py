"""tools/train/autoencoder.py: a short run on the CPU, repeated from where it ended, and its
parts.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from videocodec.models.bundle import BUNDLES
from videocodec.models.loading import load_autoencoder


@pytest.fixture(scope="module")
def training(tool_module):
    return tool_module("train.autoencoder")


@pytest.fixture(scope="module")
def train(run_tool, picture_folder: Path, lpips_weights: Path) -> Callable[..., Path]:
    """train(output, *options) → the output folder after some seconds of training."""

    def run(output: Path, *options: object) -> Path:
        fixed = (
            "--pictures",
            picture_folder,
            "--lpips",
            lpips_weights,
            "--output",
            output,
            "--device",
            "cpu",
            "--threads",
            1,
        )
        ran = run_tool(
            "train.autoencoder", *fixed, "--minutes", 0.03, "--crop", 64, "--batch", 1, *options
        )
        assert ran.returncode == 0, ran.stderr
        return output

    return run


@pytest.fixture(scope="module")
def trained(train: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a first run."""
    return train(tmp_path_factory.mktemp("training") / "first")


@pytest.mark.slow
class TestAShortRun:
    """Seconds of training cannot improve a model; they can show that everything is read, written
    and read again.
    """

    def test_it_starts_from_the_committed_weights_and_writes_its_own(self, trained: Path) -> None:
        assert {file.name for file in trained.iterdir()} == {
            "autoencoder.safetensors",
            "rate_model.safetensors",
            "train.log",
        }
        start, *validations = self.log(trained)
        assert start["init"] == str(BUNDLES / "embedded")
        assert validations[0]["iteration"] == 0
        assert validations[-1]["iteration"] > 0
        assert all(len(row) == 4 for row in validations[-1]["validation"])
        assert all(
            value.dtype == torch.float16
            for value in load_file(str(trained / "autoencoder.safetensors")).values()
        )

    def test_it_starts_from_the_weights_it_is_given(
        self, train: Callable[..., Path], trained: Path, tmp_path: Path
    ) -> None:
        """Marked ones, which do badly: what seconds of training change is hardly more than what
        sixteen bits round off.
        """
        marked = tmp_path / "marked"
        shutil.copytree(trained, marked)
        weights = load_file(str(marked / "autoencoder.safetensors"))
        weights["decoder.linear.weight"] *= 0.5
        save_file(weights, str(marked / "autoencoder.safetensors"))
        first = self.log(train(tmp_path / "second", "--init", marked))[1]
        assert first["iteration"] == 0 and first["figure"] > 1.05 * max(
            line["figure"] for line in self.log(trained)[1:]
        )

    def test_its_output_becomes_a_bundle(self, tool_module, trained: Path, tmp_path: Path) -> None:
        tool_module("train.calibrate").install_weights(trained, tmp_path / "bundle")
        model = load_autoencoder(tmp_path / "bundle")
        written = load_file(str(trained / "autoencoder.safetensors"))
        assert set(model.state_dict()) == set(written)
        assert all(
            torch.equal(value, written[name].float()) for name, value in model.state_dict().items()
        )

    @staticmethod
    def log(output: Path) -> list[dict]:
        """The lines of the log: what was asked for, then a validation each."""
        return [json.loads(line) for line in (output / "train.log").read_text().splitlines()]


class TestPictures:
    def test_they_are_found_in_all_folders_and_below_them_and_small_ones_are_left_out(
        self, training, picture_folder: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "below").mkdir()
        cv2.imwrite(str(tmp_path / "below" / "large.jpg"), np.zeros((100, 100, 3), np.uint8))
        cv2.imwrite(str(tmp_path / "below" / "small.png"), np.zeros((90, 200, 3), np.uint8))
        (tmp_path / "broken.png").write_bytes(b"no picture")
        assert len(training.load_pictures([picture_folder, tmp_path], 96)) == 61

    def test_too_few_are_refused_in_one_line(self, training, picture_folder: Path) -> None:
        with pytest.raises(SystemExit, match="3 pictures of 192 px or more, need more than 40"):
            training.load_pictures([picture_folder], 192)

    def test_none_large_enough_to_validate_with_is_refused(
        self, run_tool, lpips_weights: Path, tmp_path: Path
    ) -> None:
        for index in range(41):
            cv2.imwrite(str(tmp_path / f"{index}.png"), np.zeros((64, 64, 3), np.uint8))
        ran = run_tool(
            "train.autoencoder",
            "--pictures",
            tmp_path,
            "--lpips",
            lpips_weights,
            "--output",
            tmp_path / "out",
            "--crop",
            64,
            "--minutes",
            0.01,
        )
        assert ran.returncode == 1
        assert "no picture of 192 px or more to validate with" in ran.stderr.splitlines()[-1]

    def test_crops_are_pieces_of_pictures_in_the_networks_range(self, training) -> None:
        pictures = [np.full((70, 90, 3), value, np.uint8) for value in (0, 255)]
        crops = training.crop_batch(pictures, 64, 12, np.random.default_rng(0))
        assert crops.shape == (12, 3, 64, 64)
        assert set(crops.unique().tolist()) == {-1.0, 1.0}


class TestWeights:
    def test_what_fits_is_taken_over_and_new_parts_keep_their_start(self, training) -> None:
        small = training.Codec(
            training.Shape(
                width=8,
                coarse_width=8,
                encoder_blocks=1,
                encoder_wide_blocks=1,
                decoder_blocks=1,
                decoder_fine_blocks=1,
                decoder_wide_blocks=1,
            )
        )
        large = training.Codec(
            training.Shape(
                width=8,
                coarse_width=8,
                encoder_blocks=2,
                encoder_wide_blocks=1,
                decoder_blocks=1,
                decoder_fine_blocks=1,
                decoder_wide_blocks=3,
            )
        )
        training.fit_state(
            large, {name: value.half() for name, value in small.state_dict().items()}
        )
        picture = torch.rand(1, 3, 32, 32) * 2 - 1
        with torch.no_grad():
            assert torch.allclose(large.encoder(picture), small.encoder(picture), atol=0.02)

    def test_saving_leaves_only_whole_files(self, training, tmp_path: Path) -> None:
        codec = training.Codec(training.Shape(width=8, coarse_width=8))
        training.save(codec, tmp_path)
        assert {file.name for file in tmp_path.iterdir()} == {
            "autoencoder.safetensors",
            "rate_model.safetensors",
        }
        names = [name for file in tmp_path.iterdir() for name in load_file(str(file))]
        assert sorted(names) == sorted(codec.state_dict())

    def test_weights_of_a_wider_model_are_left_out_and_not_squeezed_in(self, training) -> None:
        narrow = training.Codec(training.Shape(width=8, coarse_width=8))
        before = narrow.decoder.head.weight.clone()
        training.fit_state(
            narrow, training.Codec(training.Shape(width=16, coarse_width=8)).state_dict()
        )
        assert torch.equal(narrow.decoder.head.weight, before)

    def test_the_committed_weights_spend_more_bits_on_a_finer_step(self, training) -> None:
        torch.manual_seed(0)
        codec, picture = training.Codec(training.Shape()), torch.rand(2, 3, 64, 64) * 2 - 1
        training.restore(codec, BUNDLES / "embedded")
        with torch.no_grad():
            (_, many), (_, few) = (
                codec(picture, torch.full((2,), step), train=False) for step in (0.3, 3.0)
            )
        assert torch.all(many > few)
