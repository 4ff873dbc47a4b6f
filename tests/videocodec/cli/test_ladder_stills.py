"""``videocodec ladder --stills`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from videocodec.cli import main

pytest.importorskip("PIL", reason="needs the package pillow")
QUICK = ("--codecs", "jpeg", "--metrics", "psnr", "--resolutions", "1")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "stripes.png"
    columns = np.arange(48 * 32 * 3) * 5 % 256
    cv2.imwrite(str(path), columns.reshape(32, 48, 3).astype(np.uint8))
    return path


def run(*words: object) -> int:
    return main(["ladder", *map(str, words)])


def test_a_table_comes_out(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("--stills", picture, "--output", out, "--largest", "1k", *QUICK) == 0
    shown = capsys.readouterr().out
    assert "stripes/jpeg/1000" in shown
    assert "stripes/jpeg/smallest" in shown
    assert f"{out}: report.html, results.json, results.csv, sheets" in shown


def test_json(picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    words = ("--largest", "1k", "--count", "file", "--json", *QUICK)
    assert run("--stills", picture, "--output", out, *words) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == json.loads((out / "results.json").read_text())
    assert shown["settings"]["count"] == "file"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--stills", "--crf", "30"), "--crf is of clips, not of --stills"),
        (("--stills", "--gop-size", "9"), "--gop-size is of clips, not of --stills"),
        (("--largest", "4k"), "--largest goes with --stills"),
        (("--count", "file"), "--count goes with --stills"),
        (("--stills", "--codecs", "x264"), "unknown codec of pictures 'x264'"),
    ],
)
def test_an_error_is_one_line(
    words: tuple[str, ...],
    message: str,
    picture: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(*words, picture, "--output", tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_clip_or_a_file_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--stills", tmp_path / "none.png", "--output", tmp_path / "out", *QUICK) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
