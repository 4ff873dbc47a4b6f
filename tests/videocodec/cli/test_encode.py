"""``videocodec encode``: rates out of reach, and weights to judge pictures by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from videocodec.cli import main

from .program import failure


def test_a_rate_out_of_reach_is_a_warning_on_standard_error_and_in_json(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert (
        main(
            [
                "encode",
                str(clip),
                str(tmp_path / "a.mp4"),
                "--bitrate",
                "0.1k",
                "--maxrate",
                "0.2k",
                "--threads",
                "1",
                "--model",
                "embedded",
                "--json",
            ]
        )
        == 0
    )
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["crf"] == 63 and len(report["warnings"]) == 2
    assert captured.err.splitlines() == [
        f"videocodec: warning: {warning}" for warning in report["warnings"]
    ]
    assert captured.err.startswith("videocodec: warning: 0.1 kbit/s is out of reach")


def test_weights_to_judge_pictures_by_must_be_there(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failure("encode", clip, tmp_path / "out.mp4", "--perceptual", tmp_path / "absent.safetensors")
    captured = capsys.readouterr()
    assert (
        captured.err
        == f"videocodec: error: {tmp_path / 'absent.safetensors'}: weights to judge pictures by"
        " cannot be read: " + "No such file or directory\n"
    )
    assert not list(tmp_path.iterdir())
