"""From clips and pictures to a bundle with a UNet: streams, a short training, installing; and the
parts of training.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from videocodec.models.bundle import BUNDLES, ModelBundle


@pytest.fixture(scope="module")
def training(tool_module):
    return tool_module("train.unet")


@pytest.fixture(scope="module")
def batching(tool_module):
    return tool_module("train.restoration_batches")


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
        write_movie(folder / "clips" / f"pan{i}.mp4", panned(7, 128, 144, (1, i)))
    options = (
        "--clips",
        folder / "clips",
        "--pictures",
        picture_folder,
        "--output",
        folder / "out",
    )
    ran = run_tool(
        "train.restoration_streams", *options, "--frames", 5, "--picture-count", 3, "--jobs", 1
    )
    assert ran.returncode == 0, ran.stderr
    return folder / "out"


@pytest.fixture(scope="module")
def train(run_tool: Callable, streams: Path, lpips_weights: Path) -> Callable[..., Path]:
    """train(output, *options) → the output folder after some seconds of training."""

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
        ran = run_tool("train.unet", *fixed, "--minutes", 0.04, "--crop", 8, "--pairs", 1, *options)
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
            assert all(low <= crf < high for crf, (low, high) in zip(crfs, making.CRF_RANGES))
        assert not list(streams.glob("*.part"))
        assert len(list(streams.glob("camera-*"))) >= 3

    def test_streams_hold_what_training_reads(self, streams: Path) -> None:
        clip = streams / "clip-pan0"
        pictures, source = np.load(clip / "pictures.npy"), np.load(clip / "source.npy")
        assert (pictures.shape, source.shape) == ((5, 128, 144, 3), (5, 16, 16, 18))
        with np.load(next(iter(sorted(clip.glob("*.npz"))))) as data:
            assert data["neighbours"].shape == (5, 2, 16, 16, 18)
            assert data["keyframe"].tolist() == [True, False, False, False, False]
            error = np.abs(data["decoded"] / 64 - source.astype(np.float32)).mean()
            assert error < 0.3 * np.abs(source.astype(np.float32)).mean()


@pytest.mark.slow
class TestAShortRun:
    def test_it_starts_from_the_committed_weights_and_writes_its_own_in_half_precision(
        self, trained: Path
    ) -> None:
        assert {file.name for file in trained.iterdir()} == {"unet", "last", "train.log"}
        assert [file.name for file in (trained / "last").iterdir()] == ["unet"]
        start, plain, *validations = log(trained)
        assert start["resumed"] and start["init"] == str(BUNDLES / "embedded-unet")
        assert validations[-1]["iteration"] > 0
        assert len(plain["without_unet"]) == 4
        weights = load_file(str(trained / "unet" / "diffusion_pytorch_model.safetensors"))
        assert {value.dtype for value in weights.values()} == {torch.float16}

    def test_it_starts_from_the_weights_it_is_given(
        self, train: Callable[..., Path], trained: Path, marked: Path, tmp_path: Path
    ) -> None:
        start, _, first, *_ = log(train(tmp_path / "second", "--init", marked))
        assert start["resumed"] and start["init"] == str(marked)
        assert (
            first["iteration"] == 0
            and first["figure"] > max(line["figure"] for line in log(trained)[2:]) + 0.1
        )

    def test_the_same_command_goes_on_with_the_best_it_had(
        self, train: Callable[..., Path], trained: Path, marked: Path
    ) -> None:
        """A run that was cut off must not be thrown away by the next one, which writes what it
        starts from at once.
        """
        before = log(trained)
        start, _, first, *_ = log(train(marked))[len(before) :]
        assert start["resumed"] and start["init"] == str(marked)
        assert (
            first["iteration"] == 0
            and first["figure"] > max(line["figure"] for line in before[2:]) + 0.1
        )

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


def whole(pictures: torch.Tensor) -> torch.Tensor:
    """A mask that judges every pixel."""
    return torch.ones_like(pictures[:, :1], dtype=torch.bool)


class TestParts:
    def test_halving_an_error_is_worth_the_same_in_calm_and_in_busy_pictures(
        self, training, batching
    ) -> None:
        pictures = torch.zeros(2, 3, 64, 64)
        planes, flow = torch.ones(2, 8, 8), torch.zeros(1, 64, 64, 2)
        batch = batching.Batch(
            *[torch.zeros(2, 1, 8, 8)] * 4,
            planes,
            planes,
            torch.zeros(2),
            pictures,
            flow,
            whole(pictures),
        )
        noise = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
        lpips = lambda a, b: a.abs().mean((1, 2, 3))

        def gain(error: float) -> float:
            whole, half = (
                training.distortion(
                    torch.cat([size * noise] * 2),
                    batch,
                    lpips,
                    training.Weights(1.0, 0.1),
                    train=False,
                )[0].mean()
                for size in (error, error / 2)
            )
            return float(whole - half)

        assert gain(0.8) == pytest.approx(gain(0.4), rel=0.05)
        assert gain(0.8) > 1.5

    def test_what_is_not_judged_costs_nothing_and_the_rest_costs_the_same(
        self, training, batching
    ) -> None:
        pictures, judged = torch.zeros(2, 3, 64, 64), torch.zeros(2, 1, 64, 64, dtype=torch.bool)
        judged[..., :32] = True
        planes, error = (
            torch.ones(2, 8, 8),
            torch.randn(2, 3, 64, 32, generator=torch.Generator().manual_seed(0)),
        )
        grid = torch.stack(
            torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="xy"), -1
        )[None]
        batch = batching.Batch(
            *[torch.zeros(2, 1, 8, 8)] * 4, planes, planes, torch.zeros(2), pictures, grid, judged
        )
        lpips = lambda a, b: a.abs().mean((1, 2, 3))
        mse = [
            training.distortion(
                torch.cat([error, 9 * beyond], -1),
                batch,
                lpips,
                training.Weights(1.0, 0.1),
                train=False,
            )[1]
            for beyond in (error, -error)
        ]
        assert torch.equal(*mse)
        assert mse[0].numpy() == pytest.approx(
            ((error * 127.5) ** 2).mean((1, 2, 3)).numpy(), rel=1e-5
        )

    def test_flicker_is_error_that_changes_along_the_motion(self, training, batching) -> None:
        torch.manual_seed(0)
        pictures = torch.rand(2, 3, 64, 64) - 0.5
        y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
        planes = torch.ones(2, 8, 8)
        batch = batching.Batch(
            *[torch.zeros(2, 1, 8, 8)] * 4,
            planes,
            planes,
            torch.zeros(2),
            pictures,
            torch.stack([x, y], -1)[None],
            whole(pictures),
        )
        steady, changing = torch.full((1, 3, 64, 64), 0.1), 0.1 * torch.randn(1, 3, 64, 64)
        no_lpips = lambda a, b: torch.zeros(len(a))
        still = training.distortion(
            pictures + steady, batch, no_lpips, training.Weights(1.0, 0.1), train=False
        )[3]
        flickers = training.distortion(
            pictures + torch.cat([changing, -changing]),
            batch,
            no_lpips,
            training.Weights(1.0, 0.1),
            train=False,
        )[3]
        assert float(still) == pytest.approx(0, abs=1e-4)
        assert float(flickers) == pytest.approx(
            4 * float((changing * 127.5).square().mean()), rel=1e-3
        )

    def test_the_camera_moves_over_the_picture_behind_an_occluder(
        self, making, texture: Callable
    ) -> None:
        background, other = texture(256, 300, 0), np.full((256, 256, 3), 255, np.uint8)
        clip = making.camera_clip(background, other, 5, np.random.default_rng(4))
        assert (clip.shape, clip.dtype) == ((5, 192, 192, 3), np.uint8)
        assert all(np.abs(a.astype(int) - b).mean() > 0.3 for a, b in zip(clip, clip[1:]))
        assert (clip == 255).all(-1).any()
