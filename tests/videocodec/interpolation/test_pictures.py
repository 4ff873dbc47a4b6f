"""Frames between frames, as ``decode`` writes them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from videocodec import PROVENANCE_NAMES, Frame, decode, decode_frames
from videocodec.decoder.frames import PictureDecoder
from videocodec.decoder.latents import LatentStream
from videocodec.decoder.outputs import StreamPart
from videocodec.decoder.span import FrameSpan
from videocodec.errors import InterpolationError
from videocodec.interpolation.clock import EvenTimes
from videocodec.interpolation.pictures import FramesBetween, frames_at

CPU = {"device": "cpu", "threads": 1}


@pytest.fixture(scope="module")
def doubled(coded_movie) -> list[Frame]:
    """Frames 6 to 13 of ``coded_movie`` (25 fps, keyframes 0, 10, 20), twice as many."""
    stream = LatentStream(coded_movie.coded)
    part = StreamPart.of(stream.index(), FrameSpan(6, 14), Fraction(50))
    between = FramesBetween(stream, PictureDecoder(stream, "cpu", 1))
    return list(frames_at(between, part.times, range(6, 15)))


@pytest.fixture(scope="module")
def coded(coded_movie) -> list[Frame]:
    return list(decode_frames(coded_movie.coded, **CPU))


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


def test_the_last_frame_is_held_to_its_end(coded_movie, coded: list[Frame]) -> None:
    stream = LatentStream(coded_movie.coded)
    between = FramesBetween(stream, PictureDecoder(stream, "cpu", 1))
    end = Fraction(22, 25)
    held = list(frames_at(between, EvenTimes(Fraction(21, 25), end, Fraction(75)), range(21, 22)))
    assert [frame.index for frame in held] == [21, 21, 21]
    assert [frame.bytes for frame in held] == [coded[21].bytes, 0, 0]


def test_a_file_has_the_rate_its_sound_and_the_truth(coded_movie, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    report = decode(coded_movie.coded, target, fps="30", frames="0:6", **CPU)
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


def test_a_stream_of_version_2_is_refused(second_movie, tmp_path: Path) -> None:
    with pytest.raises(InterpolationError, match="between those of format .* --model embedded"):
        decode(second_movie.coded, tmp_path / "out.mp4", fps=50, **CPU)
    assert not list(tmp_path.iterdir())


def test_more_frames_than_anyone_wants_are_refused(coded_movie) -> None:
    index = LatentStream(coded_movie.coded).index()
    index.durations[-1] = 1 << 40
    with pytest.raises(InterpolationError, match="name a part or another rate"):
        StreamPart.of(index, None, Fraction(50))
