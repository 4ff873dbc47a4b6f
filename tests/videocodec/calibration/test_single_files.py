"""Single files from the disk to a bundle, and a movie through it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
import torch

from videocodec import calibrate, decode, encode, verify
from videocodec.errors import OutputError, SettingsError, UnknownModelError
from videocodec.models.bundle import ModelBundle

from ..single_files import (
    autoencoder,
    checkpoint,
    compvis_names,
    compvis_unet,
    config_beside,
    taesd,
    write,
    write_taesd,
)

CPU = {"device": "cpu", "threads": 1}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, texture) -> Path:
    """Two small pictures."""
    folder = tmp_path_factory.mktemp("images")
    for index in range(2):
        cv2.imwrite(str(folder / f"{index}.png"), texture(88, 96, index))
    return folder


def test_taesds_files_to_a_movie_and_back(
    tmp_path: Path, images: Path, write_movie, panned
) -> None:
    (tmp_path / "taesd").mkdir()
    encoder, decoder = write_taesd(tmp_path / "taesd", taesd(), torch.float16)
    bundle, coded = tmp_path / "bundle", tmp_path / "movie.lv.mp4"
    report = calibrate(
        (encoder, decoder), bundle, images=images, minutes=0.01, clip_frames=3, **CPU
    )
    assert (report.latent_channels, report.notes) == (4, [])
    record = json.loads((bundle / "codec" / "calibration.json").read_text())
    assert record["source"] == f"{encoder} {decoder}"
    assert sorted(f.name for f in tmp_path.iterdir()) == ["bundle", "taesd"]
    movie = write_movie(tmp_path / "movie.mp4", panned(3, 40, 56, (1, 2)))
    encode(movie, coded, model=bundle, preset="veryfast", crf=34, **CPU)
    assert verify(coded, model=bundle).ok
    assert decode(coded, tmp_path / "back.mp4", model=bundle, **CPU).frames == 3


@pytest.mark.usefixtures("no_fitting")
class TestWithoutFitting:
    """What is fitted is stood in for by a file."""

    def test_a_checkpoint_with_its_unet(self, tmp_path: Path, images: Path) -> None:
        file = checkpoint(tmp_path / "v1-5-pruned.safetensors", "sd1")
        tensors, config = compvis_unet()
        file.with_suffix(".unet.json").write_text(json.dumps(config))
        model = autoencoder(4)
        tensors |= {f"first_stage_model.{n}": t for n, t in compvis_names(model).items()}
        write(file, tensors, torch.float16)
        told: list[str] = []
        report = calibrate(file, tmp_path / "bundle", images=images, log=told.append, **CPU)
        assert ModelBundle.find(tmp_path / "bundle").has_unet
        assert told[0] == f"{file}: sd1" and told[1].startswith(f"{file}: AutoencoderKL")
        (note,) = report.notes
        assert str(file) in note and "zeros stand in for the empty prompt" in note

    def test_incomplete_weights_are_said_to_be_the_files(
        self, tmp_path: Path, images: Path
    ) -> None:
        model = autoencoder(4)
        tensors = compvis_names(model)
        del tensors["encoder.conv_in.bias"]
        file = write(tmp_path / "vae.safetensors", tensors, torch.float32)
        config_beside(file, model)
        with pytest.raises(UnknownModelError, match="weights are missing") as refusal:
            calibrate(file, tmp_path / "bundle", images=images, **CPU)
        assert str(refusal.value).startswith(str(file))
        assert not (tmp_path / "bundle").exists()

    def test_options_that_do_not_fit(self, tmp_path: Path, images: Path) -> None:
        file = checkpoint(tmp_path / "model.safetensors", "sdxl")
        with pytest.raises(SettingsError, match="words need a pipeline's folder"):
            calibrate(file, tmp_path / "bundle", images=images, words=True, **CPU)
        with pytest.raises(SettingsError, match="family is of single files"):
            calibrate(tmp_path, tmp_path / "bundle", images=images, family="sd1", **CPU)

    def test_a_file_inside_the_bundle_to_be_replaced(self, tmp_path: Path, images: Path) -> None:
        bundle = tmp_path / "bundle"
        (bundle / "codec").mkdir(parents=True)
        (bundle / "codec" / "tables.safetensors").write_bytes(b"tables")
        file = checkpoint(bundle / "model.safetensors", "sdxl")
        with pytest.raises(OutputError, match="the bundle must be apart"):
            calibrate(file, bundle, images=images, overwrite=True, **CPU)
        assert file.is_file()
