"""``videocodec decode``: frames and provenance, in files and on standard output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from videocodec.cli import main

from .program import ROOT, failure


def test_standard_output_carries_y4m_and_nothing_else(coded: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "videocodec", "decode", str(coded), "-", "--json"],
        capture_output=True,
        cwd=ROOT,
    )
    assert done.returncode == 0 and json.loads(done.stderr)["frames"] == 12
    head, _, rest = done.stdout.partition(b"\n")
    assert head.startswith(b"YUV4MPEG2 W64 H48 ")
    assert rest.count(b"FRAME") >= 12


def test_a_part_of_the_frames(
    coded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(
            [
                "decode",
                str(coded),
                str(tmp_path / "%d.png"),
                "--frames=-4:0.44s",
                "--threads",
                "1",
                "--json",
            ]
        )
        == 0
    )
    assert json.loads(capsys.readouterr().out)["frames"] == 3
    failure("decode", coded, tmp_path / "out.mp4", "--frames", "5:13")
    told = capsys.readouterr().err
    assert (
        told
        == f"videocodec: error: {coded}: 5:13 goes beyond it: it has 12 frames, 0 to 11, from 0 s"
        " up to 0.48 s\n"
    )


def test_provenance_is_a_second_output_and_is_told_by_info(
    coded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, drawn = tmp_path / "out.mp4", tmp_path / "map.mp4"
    assert main(["decode", str(coded), str(out), "--provenance", str(drawn), "--threads", "1"]) == 0
    assert capsys.readouterr().out.startswith(f"{out}, and its provenance in {drawn}: 12 frames, ")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["map.mp4", "out.mp4"]
    failure("decode", coded, out, "--provenance", drawn)
    failure("decode", coded, "-", "--provenance", "-")
    captured = capsys.readouterr()
    assert (
        captured.out == ""
        and "pass -y to overwrite" in captured.err
        and captured.err.count("\n") == 2
    )


def test_provenance_on_standard_output_is_alone_there(
    coded: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    for options in ([], ["--json"]):
        assert (
            main(
                [
                    "decode",
                    str(coded),
                    str(tmp_path / "out.mp4"),
                    "--provenance",
                    "-",
                    "-y",
                    "--threads",
                    "1",
                    *options,
                ]
            )
            == 0
        )
        captured = capfdbinary.readouterr()
        assert captured.out.startswith(b"YUV4MPEG2 W64 H48 ")
        assert len(captured.out.partition(b"\n")[2]) == 12 * (len(b"FRAME\n") + 64 * 48 * 3 // 2)
    assert json.loads(captured.err)["provenance_target"] == "-"


def test_another_frame_rate(
    coded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = str(tmp_path / "%d.png")
    arguments = ["decode", str(coded), target, "--fps", "50", "--frames", "0:4", "--threads", "1"]
    assert main(arguments) == 0
    assert f"{target}: 8 frames (" in capsys.readouterr().out
    assert main([*arguments, "--json", "-y"]) == 0
    assert json.loads(capsys.readouterr().out)["interpolated_frames"] > 0
    with pytest.raises(SystemExit) as stop:
        main(["decode", str(coded), target, "--fps", "0"])
    assert stop.value.code == 2
    assert "frames per second are a number" in capsys.readouterr().err
