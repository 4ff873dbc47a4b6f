"""``videocodec models``: usage, the list of models, what is shown of one, and LPIPS's weights."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from videocodec.cli import main
from videocodec.models.bundle import ModelBundle

from ...stock_models import quick_bundle, save_pipeline
from ..program import ROOT, complaint


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
        head, first, second, newer, third, where = captured.out.splitlines()
        assert head.split() == ["name", "SHA-256", "channels", "size", "networks"]
        assert first.split()[:3] == ["embedded", ModelBundle.find("embedded").sha256[:16], "16"]
        assert second.split()[:3] == [
            "embedded-unet",
            ModelBundle.find("embedded-unet").sha256[:16],
            "16",
        ]
        assert second.endswith("LatentAutoencoder, TemporalUNet")
        assert newer.split()[:3] == ["second", ModelBundle.find("second").sha256[:16], "48"]
        assert third.split()[:3] == ["mine", ModelBundle.find(own).sha256[:16], "16"]
        assert third.endswith("AutoencoderKL, UNet2DConditionModel")
        assert where == f"your own go into {own_folder}" and captured.err == ""

    def test_as_json(self, own_folder: Path, capsys) -> None:
        quick_bundle(own_folder / "mine")
        assert main(["models", "list", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["user_folder"] == str(own_folder)
        assert [model["name"] for model in found["models"]] == [
            "embedded",
            "embedded-unet",
            "second",
            "mine",
        ]

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
