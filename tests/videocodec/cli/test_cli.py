"""The program as a person runs it: exit statuses, one-line errors, what goes to which stream."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from videocodec.cli import main
from videocodec.version import __version__

from .program import ROOT, failure, run


@pytest.mark.parametrize(
    "command", [[], ["encode"], ["decode"], ["info"], ["verify"], ["repair"], ["ladder"]]
)
def test_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(" ".join(["usage: videocodec", *command]))


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"videocodec {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "COMMAND"),
        (["transcode"], "invalid choice"),
        (["encode", "a.mp4"], "OUTPUT"),
        (["encode", "a.mp4", "b.mp4", "--crf", "64"], "must be 0..63, got 64"),
        (["encode", "a.mp4", "b.mp4", "--crf", "high"], "must be a whole number"),
        (["encode", "a.mp4", "b.mp4", "--gop-size", "0"], "must be 1..65535"),
        (["encode", "a.mp4", "b.mp4", "--generation", "1.5"], "must be a number from 0 to 1"),
        (["encode", "a.mp4", "b.mp4", "--generation", "some"], "must be a number from 0 to 1"),
        (["encode", "a.mp4", "b.mp4", "--preset", "warp"], "invalid choice"),
        (
            ["encode", "a.mp4", "b.mp4", "--bitrate", "40kk"],
            "must be a number above 0 like 40k, 1.5M or 40000, got '40kk'",
        ),
        (["encode", "a.mp4", "b.mp4", "--maxrate", "-5"], "argument --maxrate"),
        (
            ["encode", "a.mp4", "b.mp4", "--bitrate", "40k", "--crf", "30"],
            "not allowed with argument --bitrate",
        ),
        (
            ["encode", "a.mp4", "b.mp4", "--bitrate", "40k", "--target-size", "1M"],
            "not allowed with argument --bitrate",
        ),
        (["encode", "a.mp4", "b.mp4", "--jobs", "0"], "must be 1 or more"),
        (["decode", "a.mp4", "b.mp4", "--steps", "0"], "must be 1 or more"),
        (["decode", "a.mp4", "b.mp4", "--frames", "10"], "must be FIRST:STOP in frames or seconds"),
    ],
)
def test_wrong_usage_is_status_2(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("command", ["encode", "decode", "info", "verify"])
def test_a_missing_file_is_one_line_and_status_1(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing, out = tmp_path / "no.mp4", tmp_path / "out.mp4"
    failure(command, missing, *([out] if command in {"encode", "decode"} else []))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("videocodec: error: ") and captured.err.count("\n") == 1
    assert str(missing) in captured.err
    assert not list(tmp_path.iterdir())


def test_encode_decode_info_verify(clip: Path, coded: Path, tmp_path: Path) -> None:
    shown = run("info", coded)
    assert shown.returncode == 0 and "64x48" in shown.stdout and "12 in 0.480 s" in shown.stdout
    facts = json.loads(run("info", coded, "--json").stdout)
    assert (
        facts["frames"] == 12
        and facts["audio_tracks"] == 1
        and facts["model"]["name"] == "embedded"
    )
    assert run("verify", coded).stdout.endswith("every checksum holds\n")
    assert json.loads(run("verify", coded, "--json").stdout) == {
        "input": str(coded),
        "ok": True,
        "frames": 12,
        "access_units": facts["access_units"],
        "problems": [],
    }
    decoded = tmp_path / "decoded.mkv"
    report = json.loads(run("decode", coded, decoded, "--threads", "1", "--json").stdout)
    assert (
        report["frames"] == 12
        and report["target"] == str(decoded)
        and report["skipped_tracks"] == []
    )
    assert decoded.stat().st_size > 0


def test_nothing_is_overwritten_without_y(
    clip: Path, coded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / "precious.mp4"
    precious.write_bytes(b"precious")
    failure("encode", clip, precious)
    failure("decode", coded, precious)
    assert precious.read_bytes() == b"precious"
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2 and all("pass -y to overwrite" in line for line in errors)
    assert main(["decode", str(coded), str(precious), "-y"]) == 0
    assert precious.read_bytes() != b"precious"


def test_a_reader_that_has_had_enough_is_no_traceback(coded: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m videocodec info {coded} --json | head -c 10",
        shell=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_is_status_130_and_leaves_nothing(
    tmp_path: Path, write_movie: Callable, jobs: int
) -> None:
    """Sent to all processes, as a terminal does, as soon as they are at work; none survives."""
    long = write_movie(
        tmp_path / "long.mp4", [np.full((240, 320, 3), i % 251, dtype=np.uint8) for i in range(400)]
    )
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "videocodec",
            "encode",
            str(long),
            str(tmp_path / "long.lv.mp4"),
            "--jobs",
            str(jobs),
        ],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
        # a shell's background jobs inherit it as ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while (
        not (tmp_path / "long.lv.mp4.chunks" / "manifest.json").exists()
        and time.monotonic() < deadline
    ):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors == "videocodec: interrupted\n"
    assert [f.name for f in tmp_path.iterdir()] == ["long.mp4"]
    # What tracks resources for multiprocessing ends by itself a moment after its parent.
    while (left := _in_group(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left


def _in_group(group: int) -> bool:
    """Whether a process of this group is alive."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
