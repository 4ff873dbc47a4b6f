"""``videocodec models calibrate``: one line and status 1 for a model that cannot be used, and one
that can.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from videocodec.cli import main
from videocodec.models.bundle import ModelBundle

from ...stock_models import WEIGHTS, kl_autoencoder, quick_bundle, save_pipeline, unet
from ..program import ROOT, complaint


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, texture) -> Path:
    """Two small pictures."""
    folder = tmp_path_factory.mktemp("images")
    for index in range(2):
        cv2.imwrite(str(folder / f"{index}.png"), texture(80, 88, index))
    return folder


class TestRefusals:
    """What a person may well give to ``models calibrate``, and the line they get."""

    @pytest.mark.parametrize(
        ("damage", "line"),
        [
            (
                lambda f: (f / "vae" / WEIGHTS).rename(f / "vae" / "diffusion_pytorch_model.bin"),
                "vae: refusing pickled weights",
            ),
            (
                lambda f: (f / "unet" / WEIGHTS).unlink(),
                f"unet: {WEIGHTS} is missing: put it there",
            ),
            (lambda f: (f / "unet" / WEIGHTS).write_bytes(b"\0" * 100), "unet: cannot be loaded"),
            (
                lambda f: (f / "scheduler" / "scheduler_config.json").unlink(),
                "scheduler_config.json: cannot be read",
            ),
            (
                lambda f: unet(4).save_pretrained(str(f / "vae")),
                "'UNet2DConditionModel' is no autoencoder",
            ),
            (
                lambda f: kl_autoencoder(4).save_pretrained(str(f / "unet")),
                "'AutoencoderKL' is no UNet that videocodec can restore",
            ),
            (
                lambda f: unet(16).save_pretrained(str(f / "unet")),
                "does not fit the autoencoder's 4 latent channels",
            ),
            (
                lambda f: kl_autoencoder(4, 3).save_pretrained(str(f / "vae")),
                "an autoencoder must have a stride of 8 px",
            ),
        ],
    )
    def test_one_line_and_status_1(
        self, tmp_path: Path, images: Path, capsys, damage, line: str
    ) -> None:
        folder = save_pipeline(tmp_path / "sd", restores="plain")
        damage(folder)
        assert line in complaint(
            capsys,
            "models",
            "calibrate",
            folder,
            "--images",
            images,
            "--output",
            tmp_path / "bundle",
        )
        assert not (tmp_path / "bundle").exists()

    @pytest.mark.parametrize(
        ("name", "line"),
        [
            ("v1-5-pruned.ckpt", "refusing pickled weights, which can run programs"),
            ("vae.safetensors", "no safetensors file, or one that is cut off"),
        ],
    )
    def test_files_that_are_not_taken(
        self, tmp_path: Path, images: Path, capsys, name: str, line: str
    ) -> None:
        (tmp_path / name).write_bytes(b"\x80\x02}q\x00." * 9)
        arguments = ["--family", "sd1", "--images", images, "--output", tmp_path / "bundle"]
        said = complaint(capsys, "models", "calibrate", tmp_path / name, *arguments)
        assert line in said and name in said
        assert not (tmp_path / "bundle").exists()

    def test_nothing_is_overwritten_without_y(self, tmp_path: Path, images: Path, capsys) -> None:
        folder = quick_bundle(tmp_path / "mine")
        source = save_pipeline(tmp_path / "sd")
        line = complaint(
            capsys, "models", "calibrate", source, "--images", images, "--output", folder
        )
        assert line == f"{folder} exists: pass -y to overwrite"

    def test_without_network_the_line_says_which_files_to_put_where(
        self, tmp_path: Path, own_folder: Path
    ) -> None:
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache")}
        arguments = [sys.executable, "-m", "videocodec", "models", "show", "someone/sd"]
        done = subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, env=environment)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
        assert (
            "huggingface.co cannot be reached" in done.stderr
            and str(own_folder / "someone" / "sd") in done.stderr
        )

    def test_so_does_the_line_on_a_source(
        self, tmp_path: Path, images: Path, capsys, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def download(*of: object, **settings: object) -> str:
            raise ConnectionError

        monkeypatch.setattr("huggingface_hub.snapshot_download", download)
        line = complaint(
            capsys,
            "models",
            "calibrate",
            "someone/sd",
            "--images",
            images,
            "--output",
            tmp_path / "bundle",
        )
        assert (
            "huggingface.co cannot be reached" in line
            and "vae/diffusion_pytorch_model.safetensors" in line
        )


@pytest.mark.slow
def test_calibrate_encode_decode(
    tmp_path: Path, images: Path, own_folder: Path, capsys, write_movie, panned
) -> None:
    """Into the user's folder, and from then on by its name, or by none."""
    source, output = save_pipeline(tmp_path / "sd", restores="plain"), own_folder / "mine"
    quick = ["--minutes", "0.02", "--clip-frames", "4", "--device", "cpu", "--threads", "1"]
    assert (
        main(
            [
                "models",
                "calibrate",
                str(source),
                "--images",
                str(images),
                "--output",
                str(output),
                *quick,
            ]
        )
        == 0
    )
    captured = capsys.readouterr()
    assert captured.out.startswith(
        f"{output}: 4 latent channels, SHA-256 {ModelBundle.find(output).sha256[:16]}, fitted on 2"
        " pictures"
    )
    assert (
        captured.err.startswith("videocodec: note: ")
        and "zeros stand in for the empty prompt" in captured.err
    )
    movie, coded = (
        write_movie(tmp_path / "movie.mp4", panned(4, 40, 56, (1, 2))),
        tmp_path / "movie.lv.mp4",
    )
    cpu = ["--device", "cpu", "--threads", "1"]
    assert main(["encode", str(movie), str(coded), "--model", "mine", *cpu]) == 0
    assert main(["verify", str(coded)]) == 0
    assert main(["decode", str(coded), str(tmp_path / "a" / "%d.png"), *cpu]) == 0
    assert main(["decode", str(coded), str(tmp_path / "b" / "%d.png"), "--no-restore", *cpu]) == 0
    a, b = (cv2.imread(str(tmp_path / name / "2.png")).astype(int) for name in "ab")
    assert np.abs(a - b).max() > 0
