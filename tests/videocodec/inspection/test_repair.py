"""``videocodec repair``: what is whole comes back, in its time, whatever happened to the rest of
the file.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest

from videocodec import VideoReader, info, repair, verify
from videocodec.cli import main
from videocodec.errors import InputError, OutputExistsError, RepairError


def same_frames(path: Path, original: Path, shown: range) -> None:
    """Latents and times of the frames of a file are those of a part of another."""
    with VideoReader(path) as got, VideoReader(original) as whole:
        assert len(got) == len(shown)
        for place, number in enumerate(shown):
            assert np.array_equal(got.latents[place], whole.latents[number])
            assert got.index.pts_seconds[place] == whole.index.pts_seconds[number]


def tables_removed(path: Path, target: Path) -> Path:
    data, place, kept = path.read_bytes(), 0, b""
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        kept += data[place : place + size] if data[place + 4 : place + 8] != b"moov" else b""
        place += size
    target.write_bytes(kept)
    return target


def test_a_cut_file_has_what_lies_before_the_cut_with_its_sound(
    coded_movie, tmp_path: Path
) -> None:
    data, cut = coded_movie.coded.read_bytes(), tmp_path / "cut.lv.mp4"
    with VideoReader(coded_movie.coded) as video:
        unit = video.index.units[-2]
    cut.write_bytes(data[: unit.position + unit.bytes + 2])
    before = cut.read_bytes()
    report = repair(cut, tmp_path / "whole.lv.mp4")
    assert report.frames == unit.frames.stop and not report.searched and report.has_sound_tables
    assert report.lost[-1].frames == 22 - report.frames and report.lost[
        -1
    ].end_seconds == pytest.approx(22 / 25)
    assert verify(tmp_path / "whole.lv.mp4").ok and cut.read_bytes() == before
    same_frames(tmp_path / "whole.lv.mp4", coded_movie.coded, range(report.frames))
    assert [file.name for file in tmp_path.iterdir() if "part" in file.name] == []


def test_sound_before_the_cut_is_kept(coded_movie, tmp_path: Path) -> None:
    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as container:
            return [
                bytes(packet)
                for packet in container.demux(container.streams.audio[0])
                if packet.dts is not None
            ]

    data = coded_movie.coded.read_bytes()
    (tmp_path / "cut.lv.mp4").write_bytes(data[:-700])
    repair(tmp_path / "cut.lv.mp4", tmp_path / "whole.lv.mp4")
    got, whole = packets(tmp_path / "whole.lv.mp4"), packets(coded_movie.coded)
    assert 0 < len(got) <= len(whole) and got == whole[: len(got)]


def test_without_tables_units_are_searched_for(
    coded_movie, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tables_removed(coded_movie.coded, tmp_path / "no.lv.mp4")
    for command in (["info"], ["verify"], ["decode", "--device", "cpu"]):
        assert (
            main(
                [
                    command[0],
                    str(path),
                    *([str(tmp_path / "x.y4m")] if command[0] == "decode" else []),
                    *command[1:],
                ]
            )
            == 1
        )
        line = capsys.readouterr().err
        assert "videocodec repair" in line and line.count("\n") == 1
    assert main(["repair", str(path), str(tmp_path / "whole.lv.mp4"), "--json"]) == 0
    told = capsys.readouterr()
    report = json.loads(told.out)
    assert (report["frames"], report["searched"], report["has_sound_tables"], report["lost"]) == (
        22,
        True,
        False,
        [],
    )
    assert "no tables that lead to sound" in told.err
    same_frames(tmp_path / "whole.lv.mp4", coded_movie.coded, range(22))


def test_a_damaged_unit_leaves_a_gap_that_keeps_numbers_and_times(
    coded_movie, rewrite, tmp_path: Path
) -> None:
    damaged = rewrite(
        coded_movie.coded,
        lambda index, data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:] if index == 1 else data,
    )
    report = repair(damaged, tmp_path / "whole.lv.mp4")
    assert (
        report.frames == 13
        and [span.frames for span in report.lost] == [9]
        and report.seconds == pytest.approx(22 / 25)
    )
    told = info(tmp_path / "whole.lv.mp4")
    assert (told.frames, told.lost_frames) == (22, 9) and "not in the file" in told.damage
    found = verify(tmp_path / "whole.lv.mp4")
    assert (
        found.frames == 13
        and "something is missing" in found.problems[0]
        and len(found.problems) == 1
    )
    with (
        VideoReader(tmp_path / "whole.lv.mp4", conceal=True) as video,
        VideoReader(coded_movie.coded) as whole,
    ):
        assert (
            np.array_equal(video.latents[15], whole.latents[15])
            and video.latent_frame(5).kind == "concealed"
        )


def test_a_whole_file_comes_out_as_it_was(coded_movie, tmp_path: Path) -> None:
    report = repair(coded_movie.coded, tmp_path / "whole.lv.mp4")
    assert (report.frames, report.lost, report.left_out, report.searched) == (22, [], 0, False)
    assert verify(tmp_path / "whole.lv.mp4").ok and len(report.tracks) == 1


def test_usual_rules_for_outputs(coded_movie, tmp_path: Path) -> None:
    taken = tmp_path / "taken.mp4"
    taken.write_text("mine")
    with pytest.raises(OutputExistsError):
        repair(coded_movie.coded, taken)
    with pytest.raises(InputError, match="same file"):
        repair(coded_movie.coded, coded_movie.coded, overwrite=True)
    (tmp_path / "noise.mp4").write_bytes(bytes(5000))
    with pytest.raises(RepairError, match=r"noise.mp4: nothing can be recovered"):
        repair(tmp_path / "noise.mp4", taken, overwrite=True)
    with pytest.raises(InputError, match="no such file"):
        repair(tmp_path / "none.mp4", tmp_path / "out.mp4")
    assert taken.read_text() == "mine" and sorted(file.name for file in tmp_path.iterdir()) == [
        "noise.mp4",
        "taken.mp4",
    ]


@pytest.mark.slow
def test_what_a_killed_encode_left(tmp_path: Path, panned, write_movie) -> None:
    """SIGKILL in the middle: chunks are there, no file is, and without the source they can still be
    made one.
    """
    movie = write_movie(tmp_path / "a.mp4", panned(32, 16, 32, (0, 1)))
    target = tmp_path / "a.lv.mp4"
    command = [
        sys.executable,
        "-m",
        "videocodec",
        "encode",
        movie,
        target,
        "--gop-size",
        "4",
        "--preset",
        "ultrafast",
        "--device",
        "cpu",
        "--model",
        "embedded",
    ]
    running = subprocess.Popen(
        [*map(str, command), "--threads", "1"], env=os.environ, stderr=subprocess.DEVNULL
    )
    folder = tmp_path / "a.lv.mp4.chunks"
    while running.poll() is None and len(list(folder.glob("*.chunk"))) < 3:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    if not folder.exists():
        pytest.skip("the encode was done before it could be killed")
    assert not target.exists()
    report = repair(folder, tmp_path / "saved.lv.mp4")
    assert (
        8 <= report.frames < 32 and report.frames % 4 == 0 and verify(tmp_path / "saved.lv.mp4").ok
    )
    assert info(tmp_path / "saved.lv.mp4").duration_seconds == pytest.approx(report.frames / 25)
