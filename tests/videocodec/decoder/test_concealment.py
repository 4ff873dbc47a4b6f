"""Lost frames are concealed, marked and reported; all others are what they were."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from videocodec import PROVENANCE_NAMES, VideoReader, decode, decode_frames
from videocodec.cli import main
from videocodec.decoder.concealment import Concealment, concealed_frames
from videocodec.decoder.latents import LatentStream
from videocodec.errors import DamagedFrameError

CPU = {"device": "cpu", "threads": 1}
UNIT_1 = set(range(1, 10))  # frames that depend on access unit 1


@pytest.fixture
def damaged(coded_movie, rewrite: Callable[..., Path]) -> Callable[..., Path]:
    """damaged(2, 5) → a copy of ``coded_movie``, keyframes 0, 10 and 20 of 22 frames, with a
    flipped bit in these access units.
    """

    def make(*units: int) -> Path:
        return rewrite(
            coded_movie.coded,
            lambda index, data: (
                data[:-9] + bytes([data[-9] ^ 1]) + data[-8:] if index in units else data
            ),
        )

    return make


@pytest.fixture(scope="module")
def whole(coded_movie) -> list:
    return list(LatentStream(coded_movie.coded).frames())


def check(path: Path, whole: list, lost: set[int], method: str) -> None:
    found = list(concealed_frames(LatentStream(path)))
    assert [(f.index, f.pts, f.duration) for f in found] == [
        (f.index, f.pts, f.duration) for f in whole
    ]
    for frame, original in zip(found, whole, strict=True):
        if frame.index in lost:
            assert (frame.kind, frame.concealment) == ("concealed", method)
        else:
            assert frame.kind == original.kind and np.array_equal(
                frame.latent.latents, original.latent.latents
            )


def test_between_two_good_frames_latents_go_in_a_straight_line(damaged, whole: list) -> None:
    check(damaged(1), whole, UNIT_1, "interpolated")
    found = list(concealed_frames(LatentStream(damaged(1))))
    before, after = (whole[number].latent.latents.astype(np.float64) for number in (0, 10))
    for number in UNIT_1:
        assert (
            np.abs(found[number].latent.latents - (before + (after - before) * number / 10)).max()
            <= 0.5
        )


def test_at_the_ends_the_nearest_good_frame_is_repeated(damaged, whole: list) -> None:
    with VideoReader(damaged()) as video:
        last = len(video.index.units) - 1
    check(damaged(0), whole, set(range(10)), "repeated")
    assert np.array_equal(
        next(concealed_frames(LatentStream(damaged(0)))).latent.latents, whole[10].latent.latents
    )
    check(damaged(last), whole, {21}, "repeated")


def test_a_part_shows_what_the_whole_does(damaged, whole: list) -> None:
    path = damaged(1)
    everything = list(concealed_frames(LatentStream(path)))
    for first in (4, 12):
        part = [
            frame for frame in concealed_frames(LatentStream(path), first) if frame.index >= first
        ]
        assert len(part) == 22 - first
        assert all(
            np.array_equal(a.latent.latents, b.latent.latents)
            for a, b in zip(part, everything[first:], strict=True)
        )


def test_files_say_it_and_show_it(damaged, tmp_path: Path) -> None:
    report = decode(damaged(1), tmp_path / "out.mp4", provenance=tmp_path / "map" / "%d.png", **CPU)
    assert report.frames == 22 and report.concealed_frames == 9
    (run,) = report.concealed
    assert isinstance(run, Concealment) and (
        run.first,
        run.last,
        run.method,
        run.before,
        run.after,
    ) == (1, 9, "interpolated", 0, 10)
    assert (
        run.begin_seconds == pytest.approx(0.04)
        and run.end_seconds == pytest.approx(0.4)
        and "checksum" in run.reason
    )
    with av.open(str(tmp_path / "out.mp4")) as video:
        assert "9 of its frames lost to damage and concealed" in video.metadata["comment"]
        assert sum(1 for _ in video.decode(video=0)) == 22
    marked, own = (
        cv2.imread(str(tmp_path / "map" / f"{number}.png")).reshape(-1, 3).mean(0)
        for number in (5, 12)
    )
    assert marked[1] > marked[0] and own[0] > own[1]  # green, and mostly blue for predicted


def test_frames_are_marked_and_readers_give_the_same(damaged) -> None:
    path = damaged(1)
    with pytest.raises(ValueError, match="access unit 1"):
        list(decode_frames(path, **CPU))
    frames = list(decode_frames(path, conceal=True, **CPU))
    for frame in frames:
        is_lost = frame.index in UNIT_1
        assert (
            (frame.kind == "concealed")
            == is_lost
            == bool(np.all(frame.provenance == PROVENANCE_NAMES.index("concealed")))
        )
        assert frame.concealment == ("interpolated" if is_lost else None)
    with VideoReader(path, conceal=True, **CPU) as video:
        for number in (5, 21, 0, 9):
            assert (
                np.array_equal(video[number].data, frames[number].data)
                and video[number].kind == frames[number].kind
            )
        assert (
            video.latents[5].shape == video.latents[0].shape
            and video.latent_frame(5).kind == "concealed"
        )
        with video.with_settings(restore=False) as other:
            assert other[5].kind == "concealed"
    with VideoReader(path, **CPU) as video, pytest.raises(DamagedFrameError):
        video[5]
    with pytest.raises(ValueError, match="strict refuses damaged files"):
        VideoReader(path, strict=True, conceal=True)


def test_nothing_at_all(coded_movie, rewrite: Callable[..., Path], tmp_path: Path) -> None:
    """Latents that no keyframe gives right, headers that are whole."""
    from dataclasses import replace

    from bitstream.access_unit import AccessUnit

    def lie(_: int, data: bytes) -> bytes:
        unit = AccessUnit.parse(data)
        return replace(unit, latent_checksum=unit.latent_checksum ^ 1).to_bytes()

    path = rewrite(coded_movie.coded, lie)
    with pytest.raises(DamagedFrameError, match="frame 0 cannot be decoded"):
        decode(path, tmp_path / "out.y4m", **CPU)
    assert not (tmp_path / "out.y4m").exists()
    with VideoReader(path, conceal=True, **CPU) as video:
        assert video[3].concealment == "grey" and np.all(video[3].data == 128)


def test_the_command_warns_or_with_strict_fails(
    damaged, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, target = damaged(1), tmp_path / "out.y4m"
    assert main(["decode", str(path), str(target), "--strict", "--device", "cpu"]) == 1
    error = capsys.readouterr().err
    assert (
        error.startswith(f"videocodec: error: {path}: frames 1 to ")
        and error.count("\n") == 1
        and not target.exists()
    )
    assert main(["decode", str(path), str(target), "--json", "--device", "cpu"]) == 0
    told = capsys.readouterr()
    lines = told.err.splitlines()
    assert (
        len(lines) == 2
        and "frames 1 to 9 are lost (0.040 s to 0.400 s) and concealed, "
        "interpolated between frames 0 and 10"
        in lines[0]
    )
    assert "9 of 22 frames concealed" in lines[1]
    found = json.loads(told.out)
    assert (
        found["concealed_frames"] == 9
        and found["concealed"][0]["method"] == "interpolated"
        and target.exists()
    )


def test_a_file_that_is_cut_short_is_decoded_up_to_the_cut(
    coded_movie, tmp_path: Path, whole: list
) -> None:
    cut = tmp_path / "cut.lv.mp4"
    with VideoReader(coded_movie.coded) as video:
        unit = video.index.units[-2]
    cut.write_bytes(coded_movie.coded.read_bytes()[: unit.position + unit.bytes + 3])
    report = decode(cut, tmp_path / "out.mkv", **CPU)
    assert (
        report.frames == unit.frames.stop
        and not report.concealed
        and "cut short" in report.problems[0]
    )
