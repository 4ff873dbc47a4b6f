"""``videocodec.decode``: what it makes, what it refuses, and that a failure leaves nothing
behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.errors import BitstreamError, ChecksumError, ContainerError
from videocodec import decode, decode_frames
from videocodec.errors import (
    DamagedFrameError,
    InputError,
    OutputError,
    OutputExistsError,
    UnknownModelError,
)
from videocodec.media.source import VideoSource
from videocodec.progress import Progress


def test_the_report_says_how_many_frames_went_where(coded_movie, tmp_path: Path) -> None:
    told: list[Progress] = []
    report = decode(
        coded_movie.coded, tmp_path / "out.mp4", device="cpu", threads=1, progress=told.append
    )
    assert (report.frames, report.target) == (22, str(tmp_path / "out.mp4"))
    assert [progress.frames_done for progress in told] == list(range(1, 23))
    assert told[-1].seconds_of_video == pytest.approx(22 / 25)
    with VideoSource(tmp_path / "out.mp4") as video:
        assert sum(1 for _ in video) == 22


@pytest.mark.parametrize("target", ["out.mkv", "out.y4m", "frames/%03d.png"])
def test_every_kind_of_output_gets_every_frame(coded_movie, tmp_path: Path, target: str) -> None:
    decode(coded_movie.coded, tmp_path / target, device="cpu", threads=1)
    if target.endswith(".png"):
        assert sorted(file.name for file in (tmp_path / "frames").iterdir()) == [
            f"{index:03d}.png" for index in range(1, 23)
        ]
    else:
        with VideoSource(tmp_path / target) as video:
            assert (video.width, video.height, sum(1 for _ in video)) == (96, 64, 22)


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ("out.mp4", "payload"),
        ("out.mp4", "latent checksum"),
        ("out.mkv", "payload"),
        ("out.y4m", "payload"),
        ("frames/%03d.png", "payload"),
    ],
)
def test_a_damaged_file_leaves_no_output_if_strict(
    coded_movie, rewrite: Callable[..., Path], tmp_path: Path, target: str, place: str
) -> None:
    def damage(index: int, data: bytes) -> bytes:
        if index != 3:
            return data
        if place == "payload":
            return data[:-10] + bytes([data[-10] ^ 4]) + data[-9:]
        unit = AccessUnit.parse(data)
        return replace(unit, latent_checksum=unit.latent_checksum ^ 1).to_bytes()

    damaged = rewrite(coded_movie.coded, damage)
    with pytest.raises(ValueError, match="changed.lv.mp4: .*access unit 3") as caught:
        decode(damaged, tmp_path / target, device="cpu", threads=1, strict=True)
    # seen beforehand, or found while decoding
    assert isinstance(caught.value, DamagedFrameError | ChecksumError)
    left = [file.name for file in tmp_path.rglob("*") if file.is_file()]
    assert left == ["changed.lv.mp4"]


def test_a_file_that_is_cut_short_leaves_no_output_if_strict(coded_movie, tmp_path: Path) -> None:
    cut = tmp_path / "cut.lv.mp4"
    data = coded_movie.coded.read_bytes()
    cut.write_bytes(data[: len(data) * 9 // 10])
    with pytest.raises(BitstreamError, match="cut.lv.mp4"):
        decode(cut, tmp_path / "out.mp4", device="cpu", threads=1, strict=True)
    assert [file.name for file in tmp_path.iterdir()] == ["cut.lv.mp4"]


def test_an_ordinary_video_says_encode_it_first(coded_movie, tmp_path: Path) -> None:
    with pytest.raises(
        ContainerError,
        match="pan.mp4 is an ordinary video, not a latent-video file: encode it first",
    ):
        decode(coded_movie.movie, tmp_path / "out.mp4")
    assert not list(tmp_path.iterdir())


def test_existing_output_is_left_alone_unless_overwriting_is_asked_for(
    coded_movie, tmp_path: Path
) -> None:
    target = tmp_path / "out.y4m"
    target.write_bytes(b"precious")
    with pytest.raises(OutputExistsError, match="out.y4m exists: pass -y to overwrite"):
        decode(coded_movie.coded, target, device="cpu")
    assert target.read_bytes() == b"precious"
    decode(coded_movie.coded, target, device="cpu", overwrite=True)
    assert target.read_bytes().startswith(b"YUV4MPEG2")


def test_input_and_output_must_differ(coded_movie) -> None:
    before = coded_movie.coded.read_bytes()
    with pytest.raises(InputError, match="same file"):
        decode(coded_movie.coded, coded_movie.coded, overwrite=True)
    assert coded_movie.coded.read_bytes() == before


def test_impossible_requests_are_named_before_any_work(coded_movie, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="steps must be a whole number of at least 1, got 0"):
        decode(coded_movie.coded, tmp_path / "out.mp4", steps=0)
    with pytest.raises(OutputError, match="unknown kind of output"):
        decode(coded_movie.coded, tmp_path / "out.gif", device="cpu")
    with pytest.raises(UnknownModelError, match="nonesuch"):
        decode(coded_movie.coded, tmp_path / "out.mp4", model="nonesuch")
    assert not list(tmp_path.iterdir())


def test_pictures_are_those_of_decode_frames(coded_movie, tmp_path: Path) -> None:
    decode(coded_movie.coded, tmp_path / "%02d.png", device="cpu", threads=1)
    for frame in decode_frames(coded_movie.coded, device="cpu", threads=1):
        written = cv2.imread(str(tmp_path / f"{frame.index + 1:02d}.png"), cv2.IMREAD_COLOR_RGB)
        assert np.array_equal(written.transpose(2, 0, 1), frame.data)
