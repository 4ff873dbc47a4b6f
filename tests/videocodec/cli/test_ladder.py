"""``videocodec ladder`` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from videocodec.cli import main

from ..ladder.workers_here import workers_here

QUICK = (
    "--codecs",
    "x264,x265",
    "--presets",
    "x264=ultrafast,x265=ultrafast",
    "--metrics",
    "psnr",
    "--pictures",
    "1",
    "--jobs",
    "1",
)


@pytest.fixture(scope="module")
def movie(
    tmp_path_factory: pytest.TempPathFactory,
    write_movie: Callable[..., Path],
    panned: Callable[..., list],
) -> Path:
    return write_movie(tmp_path_factory.mktemp("movie") / "pan.mp4", panned(6, 64, 96, (1, 2)))


def run(*words: object) -> int:
    return main(["ladder", *map(str, words)])


def run_here(*words: object) -> int:
    """Without processes, which ``test_a_table_comes_out`` has."""
    with workers_here():
        return run(*words)


def test_a_table_comes_out(movie: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(
            movie,
            "--output",
            tmp_path / "out",
            *QUICK,
            "--crf",
            "x264=20,30,40",
            "--crf",
            "x265=24,34,44",
        )
        == 0
    )
    shown = capsys.readouterr().out
    assert shown.count("pan/x264/crf_") == shown.count("pan/x265/crf_") == 3
    assert "BD-rate against x265" in shown
    assert "not measured" not in shown
    assert f"{tmp_path / 'out'}: report.html, results.json, results.csv, plots" in shown


def test_json(movie: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run_here(movie, "--output", tmp_path / "out", *QUICK, "--bitrates", "40k,1M", "--json") == 0
    )
    shown = json.loads(capsys.readouterr().out)
    assert shown == json.loads((tmp_path / "out" / "results.json").read_text())
    assert [record["value"] for record in shown["records"]] == [40_000, 1_000_000] * 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--codecs", "h266"),
            "unknown codec 'h266': choose from videocodec, x264, x265, svtav1, vp9",
        ),
        (
            ("--bitrates", "40"),
            "bitrate 40 makes no sense: give bits per second from 0.5k on, like 40k",
        ),
        (
            ("--bitrates", "50M"),
            "bitrate 50M makes no sense for pan: uncompressed it takes 1.8432M",
        ),
        (
            ("--max-frames", "1"),
            (
                "pan.mp4: --max-frames leaves one frame only, and a ladder needs a clip of two"
                " frames or more"
            ),
        ),
        (("--model", "absent"), "unknown model 'absent'"),
        (("--metrics", "lpips"), "metric lpips cannot be measured: no weights"),
        (
            ("--crf", "20", "--crf", "x264=30"),
            "--crf: give numbers for every codec, or by codec, not both",
        ),
    ],
)
def test_bad_input_is_one_clear_line(
    words: tuple[str, ...],
    message: str,
    movie: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(movie, "--output", tmp_path / "out", *words) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert message in said


def test_a_missing_clip_is_one_clear_line_and_leaves_nothing(
    movie: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(movie, tmp_path / "absent.mp4", "--output", tmp_path / "out", *QUICK) == 1
    said = capsys.readouterr().err
    assert said == f"videocodec: error: {tmp_path / 'absent.mp4'}: no such file: check the name\n"
    assert not list(tmp_path.iterdir())


def test_the_same_clip_twice_is_one_clear_line(
    movie: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(movie, movie, "--output", tmp_path / "out", *QUICK) == 1
    assert "two clips are called pan" in capsys.readouterr().err


def test_clips_of_different_size_are_compared_with_a_note(
    movie: Path,
    write_movie: Callable[..., Path],
    panned: Callable[..., list],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = write_movie(tmp_path / "other.mp4", panned(4, 64, 64, (1, 1)))
    assert run_here(movie, other, "--output", tmp_path / "out", *QUICK, "--crf", "30") == 0
    assert "videocodec: note: the clips differ in size (64x64, 96x64)" in capsys.readouterr().err


def test_nothing_but_failures_is_a_failure(
    movie: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("x264.X264", "x265.X265"):
        monkeypatch.setattr(f"videocodec.ladder.codecs.{name}.smallest_side", 1000)
    assert run(movie, "--output", tmp_path / "out", *QUICK, "--crf", "30") == 1
    assert "failed: pan/x264/crf_30: x264 needs 1000 px a side or more" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ("--bitrates", "forty"),
        ("--crf", "x264=low"),
        ("--target", "vmaf"),
        ("--presets", "x264"),
        ("--resolutions", "half"),
    ],
)
def test_wrong_usage_exits_with_2(words: tuple[str, ...], movie: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        run(movie, "--output", tmp_path / "out", *words)
    assert caught.value.code == 2
