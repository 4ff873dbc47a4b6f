"""``videocodec models``: what is printed where, and one line with status 1 for every model that
cannot be used.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from videocodec.cli import main
from videocodec.models.bundle import ModelBundle

from ..stock_models import kl_autoencoder, quick_bundle, save_pipeline, unet

WEIGHTS = "diffusion_pytorch_model.safetensors"
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of models, empty."""
    monkeypatch.setenv("VIDEOCODEC_MODELS", str(tmp_path / "own"))
    return tmp_path / "own"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, texture) -> Path:
    """Two small pictures."""
    folder = tmp_path_factory.mktemp("images")
    for index in range(2):
        cv2.imwrite(str(folder / f"{index}.png"), texture(80, 88, index))
    return folder


def complaint(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line on standard error that a command fails with."""
    assert main([str(a) for a in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("videocodec: error: ") and captured.err.count("\n") == 1
    return captured.err.removeprefix("videocodec: error: ").rstrip("\n")


@pytest.mark.parametrize(
    "command",
    [["models"], *(["models", one] for one in ("calibrate", "list", "show", "lpips"))],
)
def test_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith(" ".join(["usage: videocodec", *command]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["models"], "COMMAND"),
        (["models", "calibrate", "vae", "--output", "b"], "--images"),
        (["models", "calibrate", "vae", "--images", "i"], "--output"),
        (
            ["models", "calibrate", "vae", "--images", "i", "--output", "b", "--minutes", "0"],
            "must be a number of minutes above 0, got '0'",
        ),
        (
            ["models", "calibrate", "vae", "--images", "i", "--output", "b", "--minutes", "inf"],
            "minutes above 0",
        ),
        (["models", "show"], "NAME_OR_DIR"),
        (["models", "lpips"], "FILE"),
    ],
)
def test_wrong_usage_is_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


class TestListing:
    def test_bundles_of_the_package_and_of_the_user(self, own_folder: Path, capsys) -> None:
        own = quick_bundle(own_folder / "mine", restores="plain")
        assert main(["models", "list"]) == 0
        captured = capsys.readouterr()
        head, first, second, third, where = captured.out.splitlines()
        assert head.split() == ["name", "SHA-256", "channels", "size", "networks"]
        assert first.split()[:3] == ["embedded", ModelBundle.find("embedded").sha256[:16], "16"]
        assert second.split()[:3] == [
            "embedded-unet",
            ModelBundle.find("embedded-unet").sha256[:16],
            "16",
        ]
        assert second.endswith("LatentAutoencoder, TemporalUNet")
        assert third.split()[:3] == ["mine", ModelBundle.find(own).sha256[:16], "16"]
        assert third.endswith("AutoencoderKL, UNet2DConditionModel")
        assert where == f"your own go into {own_folder}" and captured.err == ""

    def test_as_json(self, own_folder: Path, capsys) -> None:
        quick_bundle(own_folder / "mine")
        assert main(["models", "list", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["user_folder"] == str(own_folder)
        assert [model["name"] for model in found["models"]] == ["embedded", "embedded-unet", "mine"]

    def test_a_broken_bundle_is_a_warning_and_no_obstacle(self, own_folder: Path, capsys) -> None:
        folder = quick_bundle(own_folder / "mine")
        (folder / "codec" / "tables.safetensors").write_bytes(b"\0" * 40)
        assert main(["models", "list"]) == 0
        captured = capsys.readouterr()
        assert "embedded" in captured.out and "mine" not in captured.out.splitlines()[-2]
        assert (
            captured.err.startswith("videocodec: warning: mine: ") and captured.err.count("\n") == 1
        )

    def test_it_needs_no_torch(self) -> None:
        code = (
            "import sys; from videocodec.cli import main; main(['models', 'list']); assert 'torch'"
            " not in sys.modules, 'torch'"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr


class TestShowing:
    def test_all_that_is_known(self, tmp_path: Path, capsys) -> None:
        bundle = ModelBundle.find(quick_bundle(tmp_path / "mine", restores="adapter"))
        assert main(["models", "show", str(bundle.folder)]) == 0
        shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
        assert shown["name"] == "mine" and shown["SHA-256"] == bundle.sha256
        assert shown["restores"] == "sliding windows, predicts epsilon"
        assert shown["unet"].startswith("UNet2DConditionModel, ") and shown[
            "motion_adapter"
        ].startswith("MotionAdapter, ")
        assert "crf 24: 300" in shown["timesteps"]
        assert main(["models", "show", str(bundle.folder), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["sha256"] == bundle.sha256

    def test_by_name(self, capsys) -> None:
        assert main(["models", "show", "embedded"]) == 0
        assert "16 channels of 8x8 px, coded in slices of 1, 1, 2, 4, 8" in capsys.readouterr().out

    def test_an_unknown_one_lists_the_choices(self, capsys) -> None:
        assert "unknown model 'nonesuch': choose one of embedded" in complaint(
            capsys, "models", "show", "nonesuch"
        )

    def test_one_that_is_not_calibrated_says_how_to(self, tmp_path: Path, capsys) -> None:
        folder = save_pipeline(tmp_path / "sd")
        for command in (
            ["models", "show", folder],
            ["encode", "in.mp4", tmp_path / "out.mp4", "--model", folder],
        ):
            assert (
                f"{folder}: not calibrated for this codec: run videocodec models calibrate {folder}"
                in complaint(capsys, *command)
            )


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


class TestLpips:
    def test_it_writes_the_file_and_says_so(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from videocodec.judges import lpips_package

        written = []
        monkeypatch.setattr(
            lpips_package, "write_weights", lambda *of, **how: written.append((*of, how))
        )
        assert main(["models", "lpips", str(tmp_path / "file"), "-y"]) == 0
        assert written == [(tmp_path / "file", {"overwrite": True})]
        assert capsys.readouterr().out == f"{tmp_path}/file: weights of LPIPS with SqueezeNet\n"

    def test_without_the_package_it_says_what_to_install(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(sys.modules, "lpips", None)
        said = complaint(capsys, "models", "lpips", tmp_path / "file")
        assert said == "the package lpips is needed: pip install lpips"
