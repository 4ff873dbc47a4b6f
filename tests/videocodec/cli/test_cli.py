"""The program as a person runs it: exit statuses, one-line errors, what goes to which stream."""

from __future__ import annotations

import argparse
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
from videocodec.cli.common import amount, percent
from videocodec.version import __version__

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments: str | Path, **kwargs: object) -> subprocess.CompletedProcess[str]:
    """Run ``python -m videocodec`` with the arguments."""
    return subprocess.run(
        [sys.executable, "-m", "videocodec", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        **kwargs,
    )


def failure(*arguments: str | Path) -> None:
    """Run in this process and expect exit status 1."""
    assert main([str(a) for a in arguments]) == 1


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, panned: Callable, write_movie: Callable) -> Path:
    """A small movie with sound."""
    return write_movie(
        tmp_path_factory.mktemp("cli") / "clip.mp4", panned(12, 48, 64, (0, 2)), sound_seconds=0.5
    )


@pytest.fixture(scope="module")
def coded(clip: Path) -> Path:
    """The movie encoded by the program itself."""
    target = clip.with_name("clip.lv.mp4")
    done = run("encode", clip, target, "--crf", "30", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert (report["frames"], report["width"], report["height"], report["keyframes"]) == (
        12,
        64,
        48,
        1,
    )
    return target


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


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("40000", 40_000),
        ("40k", 40_000),
        ("1.5M", 1_500_000),
        ("0.5K", 500),
        ("1.2345k", 1234),
        ("3m", 3_000_000),
    ],
)
def test_amounts_count_in_thousands(text: str, value: int) -> None:
    assert amount(text) == value


@pytest.mark.parametrize(
    "text", ["", "k", "0", "0.0001k", "-1", "1e3", "40 000", "nan", "1G", "1,5M"]
)
def test_other_amounts_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be a number above 0"):
        amount(text)


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


def test_info_tells_shares_in_text_and_json(
    coded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(coded), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told["provenance"]) == [
        "transmitted",
        "predicted",
        "generated",
        "concealed",
    ] and sum(told["provenance"].values()) == pytest.approx(1)
    assert (
        set(told["provenance_by_kind"]) == {"keyframe", "inter"}
        and told["provenance_unavailable"] is None
    )
    assert main(["info", str(coded)]) == 0
    (content,) = (
        line for line in capsys.readouterr().out.splitlines() if line.startswith("content ")
    )
    assert content.startswith(
        f"content   {100 * told['provenance']['transmitted']:.1f} % transmitted, "
    )
    assert ", 0 % generated; inter frames: " in content
    assert main(["info", str(coded), "--headers-only"]) == 0
    captured = capsys.readouterr()
    assert "content   unknown: only the headers were read\n" in captured.out and captured.err == ""
    assert main(["info", str(coded), "--headers-only", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["provenance"] is None


def test_info_of_a_damaged_file_tells_what_it_can_and_why_no_more(
    coded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(coded.read_bytes())
    data[data.rindex(b"LVID") + 200] ^= 0x10
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(data)
    assert main(["info", str(damaged), "--json"]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    # its only keyframe is gone
    assert told["frames"] == told["lost_frames"] == 12 and told["lost"][0]["method"] == "grey"
    assert (told["provenance"], told["provenance_unavailable"]) == (None, "no frame can be decoded")
    assert captured.err == f"videocodec: warning: {damaged}: {told['damage']}\n"


def test_info_without_the_model_says_so_on_standard_error(
    coded: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videocodec.decoder.latents.available", lambda: ())
    assert main(["info", str(coded)]) == 0
    captured = capsys.readouterr()
    assert "12 in 0.480 s" in captured.out
    assert (
        captured.err.startswith(
            f"videocodec: warning: {coded}: no provenance: stream needs model embedded"
        )
        and captured.err.count("\n") == 1
    )
    assert main(["info", str(coded), "--model", "nonesuch"]) == 1
    assert "unknown model 'nonesuch'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.123, "12.3 %"),
        (1e-9, "0.1 %"),
        (0.99999, "99.9 %"),
        (0.5, "50.0 %"),
    ],
)
def test_only_none_and_all_are_told_as_such(share: float, text: str) -> None:
    assert percent(share) == text


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


def test_verify_fails_for_a_flipped_byte(coded: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.mp4"
    data = bytearray(coded.read_bytes())
    at = data.rindex(b"LVID") + 200  # inside the keyframe's payload
    data[at] ^= 0x10
    damaged.write_bytes(data)
    done = run("verify", damaged)
    assert done.returncode == 1
    assert "checksum" in done.stderr and "Traceback" not in done.stderr
    told = run("verify", damaged, "--json")
    assert (
        told.returncode == 1
        and json.loads(told.stdout)["ok"] is False
        and "checksum" in json.loads(told.stdout)["problems"][0]
    )


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
