"""From clips and pictures to a bundle with a UNet: streams, a short training, installing; and the
autoencoder's training as a command.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from videocodec.models.bundle import BUNDLES, ModelBundle
from videocodec.training.budget import Budget
from videocodec.training.restoration import RestorationTraining, train_restoration


@pytest.fixture(scope="module")
def making(tool_module):
    return tool_module("train.restoration_streams")


@pytest.fixture(scope="module")
def streams(
    run_tool: Callable,
    panned: Callable,
    write_movie: Callable,
    picture_folder: Path,
    tmp_path_factory,
) -> Path:
    """Five short clips and clips made of three pictures, coded."""
    folder = tmp_path_factory.mktemp("streams")
    (folder / "clips").mkdir()
    for i in range(5):
        write_movie(folder / "clips" / f"pan{i}.mp4", panned(5, 128, 144, (1, i)))
    options = (
        "--clips",
        folder / "clips",
        "--pictures",
        picture_folder,
        "--output",
        folder / "out",
    )
    ran = run_tool(
        "train.restoration_streams", *options, "--frames", 3, "--picture-count", 3, "--jobs", 1
    )
    assert ran.returncode == 0, ran.stderr
    return folder / "out"


@pytest.fixture(scope="module")
def train(run_tool: Callable, streams: Path, lpips_weights: Path) -> Callable[..., Path]:
    """train(output, *options) → the output folder after two steps of training."""

    def run(output: Path, *options: object) -> Path:
        fixed = (
            "--streams",
            streams,
            "--lpips",
            lpips_weights,
            "--output",
            output,
            "--device",
            "cpu",
            "--threads",
            1,
        )
        ran = run_tool("train.unet", *fixed, "--steps", 2, "--crop", 8, "--pairs", 1, *options)
        assert ran.returncode == 0, ran.stderr
        return output

    return run


@pytest.fixture(scope="module")
def trained(train: Callable[..., Path], tmp_path_factory) -> Path:
    """The output of a first run."""
    return train(tmp_path_factory.mktemp("unet") / "first")


@pytest.fixture
def marked(trained: Path, tmp_path: Path) -> Path:
    """The output of a run, with weights that are recognised by how badly they do: a few steps of
    training change figures by less than they are rounded to.
    """
    folder = tmp_path / "marked"
    shutil.copytree(trained, folder)
    weights = load_file(str(folder / "unet" / "diffusion_pytorch_model.safetensors"))
    weights["conv_out.bias"] += 0.3
    save_file(
        weights,
        str(folder / "unet" / "diffusion_pytorch_model.safetensors"),
        metadata={"format": "pt"},
    )
    return folder


def log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "train.log").read_text().splitlines()]


@pytest.mark.slow
class TestStreams:
    def test_every_clip_has_one_stream_per_range_of_crf(self, streams: Path, making) -> None:
        for i in range(5):
            crfs = sorted(int(file.stem[3:]) for file in (streams / f"clip-pan{i}").glob("*.npz"))
            assert len(crfs) == 4
            assert all(
                low <= crf < high for crf, (low, high) in zip(crfs, making.CRF_RANGES, strict=True)
            )
        assert not list(streams.glob("*.part"))
        assert len(list(streams.glob("camera-*"))) >= 3

    def test_streams_hold_what_training_reads(self, streams: Path) -> None:
        clip = streams / "clip-pan0"
        pictures, source = np.load(clip / "pictures.npy"), np.load(clip / "source.npy")
        assert (pictures.shape, source.shape) == ((3, 128, 144, 3), (3, 16, 16, 18))
        with np.load(next(iter(sorted(clip.glob("*.npz"))))) as data:
            assert data["neighbours"].shape == (3, 2, 16, 16, 18)
            assert data["keyframe"].tolist() == [True, False, False]
            error = np.abs(data["decoded"] / 64 - source.astype(np.float32)).mean()
            assert error < 0.3 * np.abs(source.astype(np.float32)).mean()


@pytest.mark.slow
class TestAShortRun:
    def test_it_starts_from_the_committed_weights_and_writes_its_own_in_half_precision(
        self, trained: Path
    ) -> None:
        assert {file.name for file in trained.iterdir()} == {
            "unet",
            "last",
            "train.log",
            "checkpoint",
        }
        assert [file.name for file in (trained / "last").iterdir()] == ["unet"]
        start, plain, *validations = log(trained)
        assert start["init"] == str(BUNDLES / "embedded-unet")
        assert validations[-1]["iteration"] == 2
        assert len(plain["without_unet"]) == 4
        weights = load_file(str(trained / "unet" / "diffusion_pytorch_model.safetensors"))
        assert {value.dtype for value in weights.values()} == {torch.float16}

    def test_it_starts_from_the_weights_it_is_given(
        self, train: Callable[..., Path], trained: Path, marked: Path, tmp_path: Path
    ) -> None:
        start, _, first, *_ = log(train(tmp_path / "second", "--init", marked))
        assert start["init"] == str(marked)
        assert (
            first["iteration"] == 0
            and first["figure"] > max(line["figure"] for line in log(trained)[2:]) + 0.1
        )

    def test_a_run_in_two_parts_ends_with_the_same_weights_to_the_bit(
        self, streams: Path, lpips_weights: Path, tmp_path: Path
    ) -> None:
        """The first part is ended by a count of pixels that leaves the schedule as it is."""
        output, threads = tmp_path / "parts", torch.get_num_threads()
        whole = RestorationTraining(
            streams=streams,
            lpips=lpips_weights,
            output=tmp_path / "whole",
            init=BUNDLES / "embedded-unet",
            budget=Budget(steps=2),
            pairs=1,
            crop=8,
        )
        torch.set_num_threads(1)
        try:
            train_restoration(whole)
            train_restoration(replace(whole, output=output, budget=Budget(steps=2, pixels=1)))
            train_restoration(replace(whole, output=output))
        finally:
            torch.set_num_threads(threads)
        assert [line["iteration"] for line in log(output) if "figure" in line] == [0, 1, 1, 2]
        for name in ("weights", "average"):
            wanted, found = (
                load_file(str(folder / "checkpoint" / f"{name}.safetensors"))
                for folder in (whole.output, output)
            )
            assert all(torch.equal(value, found[key]) for key, value in wanted.items())

    def test_installed_it_makes_a_bundle_that_restores(
        self, run_tool: Callable, trained: Path, tmp_path: Path
    ) -> None:
        folder = tmp_path / "bundle"
        shutil.copytree(BUNDLES / "embedded", folder)
        ran = run_tool("train.install_unet", "--unet", trained, "--bundle", folder)
        assert ran.returncode == 0, ran.stderr
        bundle = ModelBundle.find(folder)
        assert bundle.sha256[:16] in ran.stdout
        assert bundle.has_unet
        assert bundle.load_scheduler().config.prediction_type == "sample"
        assert bundle.diffusion_units[0] == pytest.approx(1 / 2.02, rel=0.01)
        assert bundle.load_denoiser()

    def test_the_decoder_learns_along_and_is_installed(
        self, train: Callable[..., Path], run_tool: Callable, tmp_path: Path
    ) -> None:
        output, folder = train(tmp_path / "output", "--decoder-rate", 1e-3), tmp_path / "bundle"
        learnt = load_file(str(output / "last" / "decoder.safetensors"))
        shutil.copytree(BUNDLES / "embedded", folder)
        before = load_file(str(folder / "vae" / "diffusion_pytorch_model.safetensors"))
        assert any((value != before[name]).any() for name, value in learnt.items())
        assert all(
            (without["without_unet"] != log(output)[1]["without_unet"])
            for without in log(output)[3:]
        )
        ran = run_tool("train.install_unet", "--unet", output / "last", "--bundle", folder)
        assert ran.returncode == 0, ran.stderr
        after = load_file(str(folder / "vae" / "diffusion_pytorch_model.safetensors"))
        assert after.keys() == before.keys()
        assert all(
            (value == (learnt if name in learnt else before)[name]).all()
            for name, value in after.items()
        )
        assert {name.split(".")[0] for name in after.keys() - learnt.keys()} == {"encoder"}
        ModelBundle.find(folder).load_autoencoder()


@pytest.mark.slow
def test_the_autoencoder_goes_on_from_the_committed_weights(
    run_tool: Callable, picture_folder: Path, lpips_weights: Path, tmp_path: Path
) -> None:
    places = ("--pictures", picture_folder, "--lpips", lpips_weights, "--output", tmp_path / "out")
    ran = run_tool(
        "train.autoencoder", *places, "--device", "cpu", "--steps", 1, "--crop", 64, "--batch", 1
    )
    assert ran.returncode == 0, ran.stderr
    start, first, last = log(tmp_path / "out")
    assert start["init"] == str(BUNDLES / "embedded")
    assert (first["iteration"], last["iteration"]) == (0, 1)
    assert first["validation"][1][2] > 20  # PSNR: of a trained network


def test_a_folder_without_streams_ends_the_command_with_one_line(
    run_tool: Callable, lpips_weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "streams").mkdir()
    places = ("--streams", tmp_path / "streams", "--lpips", lpips_weights)
    ran = run_tool("train.unet", *places, "--output", tmp_path / "out")
    assert ran.returncode == 1
    assert "no streams: make them with" in ran.stderr.splitlines()[-1]


def test_the_camera_moves_over_the_picture_behind_an_occluder(making, texture: Callable) -> None:
    background, other = texture(256, 300, 0), np.full((256, 256, 3), 255, np.uint8)
    clip = making.camera_clip(background, other, 5, np.random.default_rng(4))
    assert (clip.shape, clip.dtype) == ((5, 192, 192, 3), np.uint8)
    assert all(np.abs(a.astype(int) - b).mean() > 0.3 for a, b in itertools.pairwise(clip))
    assert (clip == 255).all(-1).any()
