"""Encodes and decodes with a bundle that has a UNet."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from bitstream.v1.block_fields import Mode
from videocodec import decode_frames, encode
from videocodec.decoder.latents import LatentStream
from videocodec.errors import UnknownModelError
from videocodec.models.bundle import ModelBundle
from videocodec.restoration.diffusion import DiffusionRestoration

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def coded(bundle: ModelBundle, coded_movie, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The movie's first frames, encoded with the bundle that has a UNet."""
    target = tmp_path_factory.mktemp("coded") / "restored.mp4"
    encode(
        coded_movie.movie,
        target,
        crf=40,
        max_frames=6,
        model=bundle.folder,
        device="cpu",
        threads=1,
    )
    return target


class TestInADecode:
    def test_the_bundles_unet_runs_unless_told_otherwise(self, bundle, coded, monkeypatch) -> None:
        shown = []
        real = DiffusionRestoration.restore_on
        monkeypatch.setattr(
            DiffusionRestoration,
            "restore_on",
            lambda *given: shown.append(given[4]) or real(*given),
        )
        options = {"model": bundle.folder, "device": "cpu", "threads": 1}
        assert len(list(decode_frames(coded, **options))) == 6
        assert sum(shown) == 6
        shown.clear()
        assert len(list(decode_frames(coded, restore=False, **options))) == 6
        assert not shown

    def test_a_bundle_without_schedule_is_named(self, bundle, coded, tmp_path) -> None:
        folder = tmp_path / "restoring"
        shutil.copytree(bundle.folder, folder)
        shutil.rmtree(folder / "scheduler")
        broken = ModelBundle.find(folder)
        with pytest.raises(UnknownModelError, match="scheduler_config.json: cannot be read"):
            DiffusionRestoration(broken, LatentStream(coded, bundle.folder).header, CPU)


def test_blocks_can_be_left_to_a_unet_and_without_one_that_is_said(
    bundle, coded_movie, tmp_path
) -> None:
    target, options = (
        tmp_path / "generated.mp4",
        {"crf": 50, "max_frames": 12, "device": "cpu", "threads": 1},
    )
    assert not encode(
        coded_movie.movie, target, generation=0.0, model=bundle.folder, **options
    ).warnings
    stream = LatentStream(target, bundle.folder)
    assert stream.header.generated_content
    assert any((frame.latent.fields.modes == Mode.GENERATE).any() for frame in stream.frames())
    bare = tmp_path / "bare"
    shutil.copytree(bundle.folder, bare, ignore=shutil.ignore_patterns("unet", "scheduler"))
    report = encode(
        coded_movie.movie, tmp_path / "other.mp4", generation=0.0, model=bare, **options
    )
    assert report.warnings == [
        "model bare has no UNet: blocks left to be made up are shown as they were predicted"
    ]
    assert not encode(coded_movie.movie, tmp_path / "plain.mp4", model=bare, **options).warnings


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_the_cpus_pictures_within_tolerance(coded_movie) -> None:
    """Latents are the same by construction; pixels within 2 of 255 on average."""
    for a, b in zip(
        decode_frames(coded_movie.coded, device="cpu"),
        decode_frames(coded_movie.coded, device="cuda"),
        strict=True,
    ):
        assert np.mean(np.abs(a.data.astype(int) - b.data)) <= 2
