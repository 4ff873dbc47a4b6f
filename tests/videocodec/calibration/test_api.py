"""Any diffusers model from its plain folder to a bundle, and a movie through it: calibrate, encode,
verify, decode.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from videocodec import calibrate, decode, decode_frames, encode, info, verify
from videocodec.calibration import api
from videocodec.errors import InputError, OutputError, OutputExistsError, UnknownModelError
from videocodec.models.bundle import ModelBundle

from ..stock_models import kl_autoencoder, save_pipeline, tiny_autoencoder, unet

CPU = {"device": "cpu", "threads": 1}
QUICK = {"minutes": 0.02, "clip_frames": 4, **CPU}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, texture) -> Path:
    """Three small pictures."""
    folder = tmp_path_factory.mktemp("images")
    for index in range(3):
        cv2.imwrite(str(folder / f"{index}.png"), texture(88, 96, index))
    return folder


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory, write_movie, panned) -> Path:
    """Six frames of 56×40."""
    return write_movie(tmp_path_factory.mktemp("movie") / "movie.mp4", panned(6, 40, 56, (1, 2)))


PIPELINES = {
    "autoencoder, 4 channels": {"channels": 4},
    "tiny autoencoder": {
        "channels": 4,
        "vae": "tiny",
        "restores": "plain",
        "scheduler": "DDIMScheduler",
    },
    "tiny autoencoder, 16 channels": {"channels": 16, "vae": "tiny"},
    "codebook": {"channels": 3, "vae": "codebook"},
    "plain": {"channels": 4, "restores": "plain"},
    "plain, 16 channels": {
        "channels": 16,
        "restores": "plain",
        "scheduler": "EulerDiscreteScheduler",
    },
    "v-prediction": {
        "channels": 4,
        "restores": "plain",
        "scheduler": "DDIMScheduler",
        "prediction_type": "v_prediction",
    },
    "v-prediction, 16 channels": {
        "channels": 16,
        "restores": "plain",
        "prediction_type": "v_prediction",
    },
    "inpainting": {"channels": 4, "restores": "inpainting"},
    "inpainting, 16 channels": {"channels": 16, "restores": "inpainting"},
    "motion adapter": {"channels": 4, "restores": "adapter", "scheduler": "DDIMScheduler"},
    "motion adapter, 16 channels": {"channels": 16, "restores": "adapter"},
    "motion": {"channels": 4, "restores": "motion"},
    "motion, 16 channels": {"channels": 16, "restores": "motion"},
}


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES.keys())
def test_from_a_folder_of_diffusers_to_a_movie_and_back(
    tmp_path: Path, images: Path, movie: Path, pipeline: dict
) -> None:
    source = save_pipeline(tmp_path / "pipeline", **pipeline)
    report = calibrate(source, tmp_path / "bundle", images=images, **QUICK)
    bundle = ModelBundle.find(tmp_path / "bundle")
    assert (report.sha256, report.latent_channels, report.pictures, report.clips) == (
        bundle.sha256,
        pipeline["channels"],
        3,
        0,
    )
    assert bundle.has_unet == bool(pipeline.get("restores"))
    assert bool(report.certainty) == (pipeline.get("vae", "kl") == "kl")
    assert (bundle.certainty_strength > 0) == report.certainty.startswith("on")
    coded = tmp_path / "movie.lv.mp4"
    encode(movie, coded, model=tmp_path / "bundle", preset="veryfast", crf=34, **CPU)
    assert info(coded).model == {"name": "bundle", "sha256": bundle.sha256}
    assert verify(coded, model=tmp_path / "bundle").ok
    assert (
        decode(coded, tmp_path / "back.mp4", model=tmp_path / "bundle", steps=2, **CPU).frames == 6
    )
    frames = [frame.data for frame in decode_frames(coded, model=tmp_path / "bundle", **CPU)]
    assert [frame.shape for frame in frames] == [(3, 40, 56)] * 6
    plain = [
        frame.data
        for frame in decode_frames(coded, model=tmp_path / "bundle", restore=False, **CPU)
    ]
    assert (
        any(not np.array_equal(a, b) for a, b in zip(frames, plain, strict=True)) == bundle.has_unet
    )


@pytest.mark.slow
def test_a_bare_autoencoder_and_real_clips(tmp_path: Path, images: Path, movie: Path) -> None:
    tiny_autoencoder(4).save_pretrained(str(tmp_path / "taesd"))
    told: list[str] = []
    report = calibrate(
        tmp_path / "taesd",
        tmp_path / "models" / "bundle",
        images=images,
        clips=movie.parent,
        log=told.append,
        **QUICK,
    )
    assert (report.clips, report.notes) == (1, [])
    assert (
        any("1 clips read" in line for line in told)
        and "AutoencoderTiny, 4 latent channels" in told[0]
    )
    record = json.loads((tmp_path / "models" / "bundle" / "codec" / "calibration.json").read_text())
    assert (record["source"], record["pictures"], record["clips"]) == (
        str(tmp_path / "taesd"),
        3,
        1,
    )
    assert "certainty" not in record and report.certainty == ""  # TAESD gives no variances
    assert [f.name for f in (tmp_path / "models").iterdir()] == ["bundle"]


@pytest.mark.usefixtures("no_fitting")
class TestBeforeAnyWork:
    """Without fitting anything: what is fitted is stood in for by a file."""

    def test_an_existing_bundle_is_replaced_only_if_asked(
        self, tmp_path: Path, images: Path
    ) -> None:
        source, output = save_pipeline(tmp_path / "sd"), tmp_path / "bundle"
        first = calibrate(source, output, images=images)
        with pytest.raises(OutputExistsError, match="bundle exists: pass -y to overwrite"):
            calibrate(source, output, images=images)
        kl_autoencoder(4, scaling_factor=1.25).save_pretrained(str(source / "vae"))
        (output / "old").write_text("")
        assert calibrate(source, output, images=images, overwrite=True).sha256 != first.sha256
        assert not (output / "old").exists()
        assert sorted(f.name for f in tmp_path.iterdir()) == ["bundle", "sd"]

    def test_what_is_no_bundle_is_never_replaced(self, tmp_path: Path, images: Path) -> None:
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "thesis").write_text("precious")
        with pytest.raises(OutputError, match="exists and is no model bundle: name another output"):
            calibrate(
                save_pipeline(tmp_path / "sd"), tmp_path / "home", images=images, overwrite=True
            )
        assert (tmp_path / "home" / "thesis").read_text() == "precious"

    @pytest.mark.parametrize("output", [".", "sd", "sd/bundle"])
    def test_a_bundle_lies_apart_from_its_source(
        self, tmp_path: Path, images: Path, output: str
    ) -> None:
        source = save_pipeline(tmp_path / "sd")
        for folder in {tmp_path, source}:
            (folder / "codec").mkdir()
            (folder / "codec" / "tables.safetensors").write_bytes(b"tables")
        with pytest.raises(
            OutputError, match="the bundle must be apart from the folder it is made of"
        ):
            calibrate(source, tmp_path / output, images=images, overwrite=True)
        assert (source / "vae" / "config.json").is_file()

    def test_a_failure_leaves_nothing_and_an_old_bundle_as_it_was(
        self, tmp_path: Path, images: Path, monkeypatch
    ) -> None:
        source, output = save_pipeline(tmp_path / "sd"), tmp_path / "bundle"
        before = calibrate(source, output, images=images).sha256

        def fail(*of: object, **settings: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(api, "fit_bundle", fail)
        for target in (output, tmp_path / "new"):
            with pytest.raises(KeyboardInterrupt):
                calibrate(source, target, images=images, overwrite=True)
        assert sorted(f.name for f in tmp_path.iterdir()) == ["bundle", "sd"]
        assert ModelBundle("bundle", output).sha256 == before

    def test_pictures_and_clips_are_needed(self, tmp_path: Path, images: Path) -> None:
        source = save_pipeline(tmp_path / "sd")
        with pytest.raises(InputError, match="no picture of 80 px"):
            calibrate(source, tmp_path / "bundle", images=source)
        with pytest.raises(InputError, match="no clip to fit"):
            calibrate(source, tmp_path / "bundle", images=images, clips=images)
        assert not (tmp_path / "bundle").exists()

    def test_a_pair_that_does_not_fit_is_refused(self, tmp_path: Path, images: Path) -> None:
        source = save_pipeline(tmp_path / "sd", restores="plain")
        unet(16).save_pretrained(str(source / "unet"))
        with pytest.raises(
            UnknownModelError, match="does not fit the autoencoder's 4 latent channels"
        ):
            calibrate(source, tmp_path / "bundle", images=images)
        assert not (tmp_path / "bundle").exists()

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("minutes", 0),
            ("minutes", float("nan")),
            ("training_steps", 0),
            ("picture_count", 0),
            ("clip_frames", 1),
            ("threads", 0),
        ],
    )
    def test_impossible_settings_are_named(
        self, tmp_path: Path, images: Path, name: str, value: float
    ) -> None:
        with pytest.raises(ValueError, match=f"{name} must be"):
            calibrate(
                save_pipeline(tmp_path / "sd"), tmp_path / "bundle", images=images, **{name: value}
            )

    def test_zeros_for_the_prompt_and_a_transformer_left_out_are_noted(
        self, tmp_path: Path, images: Path
    ) -> None:
        source = save_pipeline(tmp_path / "sd3", 16)
        (source / "transformer").mkdir()
        assert (
            "transformer/ is not supported"
            in calibrate(source, tmp_path / "bundle", images=images).notes[0]
        )
        assert not (tmp_path / "bundle" / "transformer").exists()

    def test_grey_is_what_the_autoencoder_makes_of_it_in_the_unets_units(
        self, tmp_path: Path
    ) -> None:
        import torch

        from videocodec.models.source import ModelSource
        from videocodec.models.stock_denoiser import Conditioning

        autoencoder = kl_autoencoder(4, scaling_factor=0.5, shift_factor=0.25)
        (tmp_path / "unet").mkdir()
        note = api.add_conditioning(
            tmp_path,
            autoencoder.eval(),
            unet(4),
            ModelSource.find(save_pipeline(tmp_path / "sd")).folder,
        )
        found = Conditioning.load(tmp_path / "unet")
        with torch.no_grad():
            latents = autoencoder.encode(torch.zeros(1, 3, 64, 64)).latent_dist.mode()[
                0, :, 2:-2, 2:-2
            ]
        assert torch.allclose(found.grey, (latents.mean((1, 2)) - 0.25) * 0.5, atol=1e-4)
        assert found.prompt.shape == (1, 77, 8) and "zeros stand in" in note
