"""Frames between frames, as ``decode`` writes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from videocodec import PROVENANCE_NAMES, Frame, decode, decode_frames, encode
from videocodec.decoder.frames import PictureDecoder
from videocodec.decoder.latents import LatentStream
from videocodec.decoder.outputs import StreamPart
from videocodec.decoder.span import FrameSpan
from videocodec.errors import InterpolationError
from videocodec.interpolation.clock import EvenTimes
from videocodec.interpolation.pictures import CodedFrame, FramesBetween, frames_at

CPU = {"device": "cpu", "threads": 1}
FAST = {"model": "second", "preset": "veryfast", **CPU}


@pytest.fixture(scope="module", params=["coded_movie", "second_movie"])
def movie(request: pytest.FixtureRequest):
    """``coded_movie`` in both versions: 25 fps, 22 frames, keyframes 0, 10, 20."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def scaled_movie(coded_movie, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6 frames of ``coded_movie`` in version 2, coded at half of the size."""
    target = tmp_path_factory.mktemp("scaled") / "pan.lv.mp4"
    encode(coded_movie.movie, target, crf=16, scale=0.5, max_frames=6, **FAST)
    return target


@pytest.fixture(scope="module")
def doubled(movie) -> list[Frame]:
    """Frames 6 to 13 of ``movie``, twice as many."""
    stream = LatentStream(movie.coded)
    part = StreamPart.of(stream.index(), FrameSpan(6, 14), Fraction(50))
    between = FramesBetween(stream, PictureDecoder(stream, "cpu", 1))
    return list(frames_at(between, part.times, range(6, 15)))


@pytest.fixture(scope="module")
def coded(movie) -> list[Frame]:
    return list(decode_frames(movie.coded, **CPU))


def test_coded_frames_stay_and_frames_between_are_marked_as_generated(
    doubled: list[Frame], coded: list[Frame]
) -> None:
    assert len(doubled) == 16
    assert [frame.pts_seconds for frame in doubled] == [
        float(Fraction(6, 25) + Fraction(number, 50)) for number in range(16)
    ]
    for number, frame in enumerate(doubled):
        of = coded[6 + number // 2]
        assert frame.index == of.index
        if number % 2 == 0:
            assert np.array_equal(frame.data, of.data)
            assert (frame.kind, frame.bytes) == (of.kind, of.bytes)
        elif frame.index != 9:
            assert (frame.kind, frame.bytes) == ("interpolated", 0)
            assert (frame.provenance == PROVENANCE_NAMES.index("generated")).all()


def test_nothing_is_made_up_before_a_keyframe(doubled: list[Frame], coded: list[Frame]) -> None:
    held = doubled[7]
    assert (held.index, held.kind, held.bytes) == (9, "inter", 0)
    assert np.array_equal(held.data, coded[9].data)
    assert np.array_equal(held.provenance, coded[9].provenance)


def test_frames_between_are_nearer_to_what_lies_there_than_repeated_ones(
    doubled: list[Frame], coded: list[Frame]
) -> None:
    """The camera moves by (1, 2) px a frame, so half way lies the mean of both, moved by 1 px."""
    errors = {"made": 0.0, "repeated": 0.0}
    for number in (1, 3, 5, 9, 11, 13):
        index = doubled[number].index
        before, after = (coded[i].data.astype(float) for i in (index, index + 1))
        truth = (before[:, 8:-8, 9:-7] + after[:, 8:-8, 7:-9]) / 2
        for way, frame in (("made", doubled[number]), ("repeated", doubled[number - 1])):
            errors[way] += np.square(frame.data[:, 8:-8, 8:-8] - truth).mean()
    assert errors["made"] < 0.6 * errors["repeated"]


def test_the_last_frame_is_held_to_its_end(movie, coded: list[Frame]) -> None:
    stream = LatentStream(movie.coded)
    between = FramesBetween(stream, PictureDecoder(stream, "cpu", 1))
    end = Fraction(22, 25)
    held = list(frames_at(between, EvenTimes(Fraction(21, 25), end, Fraction(75)), range(21, 22)))
    assert [frame.index for frame in held] == [21, 21, 21]
    assert [frame.bytes for frame in held] == [coded[21].bytes, 0, 0]


def test_a_file_has_the_rate_its_sound_and_the_truth(movie, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    report = decode(movie.coded, target, fps="30", frames="0:6", **CPU)
    # 6 frames of 1/25 s; only the one at 0 coincides with a coded frame
    assert (report.frames, report.interpolated_frames) == (8, 6)
    with av.open(str(target)) as container:
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
        comment = container.metadata["comment"]
        assert container.streams.audio
    assert times == [Fraction(number, 30) for number in range(8)]
    assert "at 30 frames per second with those between coded frames generated" in comment
    assert comment.startswith("AI-reconstructed")


def test_fewer_frames_than_coded(coded_movie, tmp_path: Path) -> None:
    report = decode(coded_movie.coded, tmp_path / "%d.png", fps=5, **CPU)
    assert (report.frames, report.interpolated_frames) == (5, 0)


def test_pictures_of_different_things_are_not_bridged(
    second_movie, texture: Callable[..., np.ndarray]
) -> None:
    """As at a cut that the encoder took for motion."""
    stream = LatentStream(second_movie.coded)
    between = FramesBetween(stream, PictureDecoder(stream, "cpu", 1))
    before, after, third = between.coded_frames(3, 6)
    assert between.picture(before, after, Fraction(7, 50)) is not None
    other = replace(between.coded_picture(third), data=texture(64, 96, 7).transpose(2, 0, 1))
    cut = CodedFrame(third.latents, None, other)
    assert between.picture(after, cut, Fraction(9, 50)) is None


def test_frames_of_uneven_length(
    panned: Callable[..., list[np.ndarray]], write_movie: Callable[..., Path], tmp_path: Path
) -> None:
    """Frames at 0, 1, 5 and 6 of 25: what is between the second and the third comes evenly."""
    frames = panned(7, 64, 96, (2, 4))
    shown = [0, 1, 5, 6]
    source = write_movie(tmp_path / "v.mp4", [frames[number] for number in shown], pts=shown)
    encode(source, tmp_path / "v.lv.mp4", crf=16, **FAST)
    decode(tmp_path / "v.lv.mp4", tmp_path / "%d.png", fps=25, **CPU)
    made = [cv2.imread(str(tmp_path / f"{number + 1}.png"))[..., ::-1] for number in range(7)]
    for number in (2, 3, 4):
        errors = [
            np.abs(made[number][12:-12, 20:-20].astype(float) - frame[12:-12, 20:-20]).mean()
            for frame in frames
        ]
        assert int(np.argmin(errors)) == number


def test_at_other_sizes_than_coded(second_movie, scaled_movie: Path, tmp_path: Path) -> None:
    choices = {192: (second_movie.coded, {"scale": 2}), 48: (scaled_movie, {"coded_size": True})}
    for width, (source, choice) in choices.items():
        target = str(tmp_path / f"{width}-%d.png")
        report = decode(source, target, fps=50, frames="0:3", **choice, **CPU)
        assert (report.frames, report.interpolated_frames) == (6, 3)
        assert cv2.imread(target % 1).shape[1] == width


def test_shown_larger_than_coded(scaled_movie: Path) -> None:
    made = _doubled_whole(scaled_movie, FrameSpan(0, 4))
    assert made[1].data.shape == (3, 64, 96)
    truth = (made[0].data.astype(float)[:, 8:-8, 9:-7] + made[2].data[:, 8:-8, 7:-9]) / 2
    near, far = (
        np.square(picture.data[:, 8:-8, 8:-8] - truth).mean() for picture in (made[1], made[0])
    )
    assert near < 0.6 * far


def test_a_damaged_frame_is_no_end_of_anything_made_up(
    second_movie, rewrite: Callable[..., Path], tmp_path: Path
) -> None:
    """From the damage to the next keyframe frames are concealed, and shown as such."""
    broken = rewrite(
        second_movie.coded,
        lambda index, data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:] if index == 2 else data,
    )
    report = decode(broken, tmp_path / "%d.png", fps=50, **CPU)
    assert report.concealed_frames
    stream = LatentStream(broken)
    part = StreamPart.of(stream.index(), None, Fraction(50))
    between = FramesBetween(stream, PictureDecoder(stream, "cpu", 1))
    made = list(frames_at(between, part.times, range(22), conceal=True))
    lost = {frame.index for frame in made if frame.kind == "concealed"}
    assert len(lost) == report.concealed_frames
    beside = {index for frame in lost for index in (frame - 1, frame)}
    assert not any(frame.kind == "interpolated" and frame.index in beside for frame in made)
    assert any(frame.kind == "interpolated" for frame in made)


def _doubled_whole(path: Path, span: FrameSpan | None = None) -> list[Frame]:
    """All frames of a file, or of a part, at 50 per second."""
    stream = LatentStream(path)
    part = StreamPart.of(stream.index(), span, Fraction(50))
    between = FramesBetween(stream, PictureDecoder(stream, "cpu", 1))
    return list(frames_at(between, part.times, part.frames))


def test_more_frames_than_anyone_wants_are_refused(coded_movie) -> None:
    index = LatentStream(coded_movie.coded).index()
    index.durations[-1] = 1 << 40
    with pytest.raises(InterpolationError, match="name a part or another rate"):
        StreamPart.of(index, None, Fraction(50))
