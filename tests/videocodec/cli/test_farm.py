"""``videocodec plan``, ``encode-chunk`` and ``merge``: a loop over them makes the file that
``encode`` makes.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from videocodec.cli import main

from .program import complaint

SETTINGS = ("--gop-size=5", "--preset=ultrafast", "--max-frames=12", "--model=embedded")


def command(*words: object) -> int:
    return main([str(word) for word in words])


@pytest.mark.parametrize(
    "goal", [("--crf", "45", "--caption", "a street, with a bus"), ("--bitrate", "50k")]
)
def test_a_loop_makes_the_file_that_one_command_makes(
    clip: Path, tmp_path: Path, goal: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    plan, store, target = tmp_path / "plan.json", tmp_path / "store", tmp_path / "farm.mp4"
    assert command("plan", clip, plan, *goal, *SETTINGS, "--json") == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["chunks"], planned["frames"]) == (3, 12)
    passes = 0
    while (status := command("merge", plan, target, "--store", store, "--json")) == 75:
        captured = capsys.readouterr()
        passes += 1
        assert json.loads(captured.out)["pass"] == passes
        assert f"pass {passes} is not finished: 3 of 3 chunks are to be encoded" in captured.err
        assert command("encode-chunk", plan, "0:2", 2, "--store", store, "--threads", "1") == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.partition(":")[0] for line in lines] == ["chunk 0", "chunk 1", "chunk 2"]
    assert status == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["frames"], report["passes"]) == (12, passes)
    assert command("encode", clip, tmp_path / "one.mp4", *goal, *SETTINGS, "--threads", "1") == 0
    assert target.read_bytes() == (tmp_path / "one.mp4").read_bytes()


def test_a_finished_chunk_says_so(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, store = tmp_path / "plan.json", tmp_path / "store"
    command("plan", clip, plan, *SETTINGS)
    for expected in (True, False):
        capsys.readouterr()
        command("encode-chunk", plan, "1", "--store", store, "--threads", "1", "--json")
        (chunk,) = json.loads(capsys.readouterr().out)["chunks"]
        assert (chunk["index"], chunk["coded"], chunk["frames"]) == (1, expected, 5)
    command("encode-chunk", plan, "1", "--store", store)
    assert capsys.readouterr().out.endswith(", finished before\n")


def test_what_cannot_be_is_one_line(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, store = tmp_path / "plan.json", tmp_path / "store"
    command("plan", clip, plan, *SETTINGS)
    capsys.readouterr()
    assert "exists" in complaint(capsys, "plan", clip, plan)
    assert "no 3" in complaint(capsys, "encode-chunk", plan, 3, "--store", store)
    assert "is no plan" in complaint(capsys, "merge", clip, tmp_path / "a.mp4", "--store", store)
    assert "an MP4 file" in complaint(capsys, "merge", plan, tmp_path / "a.mkv", "--store", store)


@pytest.mark.parametrize("number", ["-1", "3:3", "5:2", "x", "1:2:3", ""])
def test_a_number_of_a_chunk_is_checked(
    number: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command("encode-chunk", "plan.json", "--store", tmp_path, "--", number)
    assert ended.value.code == 2
    assert "must be a number of a chunk like 7" in capsys.readouterr().err
