"""``VideoReader.at_time``: frames shown at a time, and made up for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from videocodec import PROVENANCE_NAMES, Frame, VideoReader, decode
from videocodec.errors import FrameRangeError

from .conftest import CPU, same


def test_without_interpolation_it_is_the_frame_shown_then(
    reader: VideoReader, sequential: list[Frame]
) -> None:
    assert same(reader.at_time(0.05), sequential[1])


def test_between_two_frames_one_is_made_up(reader: VideoReader, sequential: list[Frame]) -> None:
    made = reader.at_time(0.05, interpolate=True)
    assert (made.kind, made.index, made.bytes, made.pts_seconds) == ("interpolated", 1, 0, 0.05)
    assert (made.provenance == PROVENANCE_NAMES.index("generated")).all()
    assert not np.array_equal(made.data, sequential[1].data)
    again = reader.at_time(0.05, interpolate=True)
    assert np.array_equal(again.data, made.data)


@pytest.mark.parametrize(
    ("seconds", "index"),
    [(0.08, 2), (0.39, 9), (0.87, 21)],
    ids=["as a frame begins", "before a keyframe", "after the last"],
)
def test_coded_frames_where_nothing_is_to_be_made_up(
    reader: VideoReader, sequential: list[Frame], seconds: float, index: int
) -> None:
    assert same(reader.at_time(seconds, interpolate=True), sequential[index])


def test_nothing_is_made_up_beside_a_lost_frame(
    damaged: Callable[..., Path], coded_movie, sequential: list[Frame]
) -> None:
    with VideoReader(damaged(1), **CPU) as video:
        assert video.index.damage_at(1) is not None
        assert same(video.at_time(0.02, interpolate=True), sequential[0])


def test_times_outside_are_refused(reader: VideoReader) -> None:
    with pytest.raises(FrameRangeError):
        reader.at_time(0.9, interpolate=True)


def test_in_version_2_they_are_those_that_decode_writes(second_movie, tmp_path: Path) -> None:
    decode(second_movie.coded, tmp_path / "%02d.png", fps=75, **CPU)
    with VideoReader(second_movie.coded, **CPU) as video:
        for number in (31, 4, 32, 29, 5):  # in any order; the last but one is before a keyframe
            made = video.at_time(number / 75, interpolate=True)
            written = cv2.imread(str(tmp_path / f"{number + 1:02d}.png"))[..., ::-1]
            assert np.array_equal(made.data.transpose(1, 2, 0), written)
            kind = "inter" if number == 29 else "interpolated"
            assert (made.kind, made.index) == (kind, number // 3)


def test_in_version_2_nothing_is_made_up_beside_a_lost_frame(
    second_movie, rewrite: Callable[..., Path]
) -> None:
    broken = rewrite(
        second_movie.coded,
        lambda index, data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:] if index == 1 else data,
    )
    for conceal in (False, True):
        with VideoReader(broken, conceal=conceal, **CPU) as video:
            assert video.index.damage_at(1) is not None
            assert video.at_time(0.02, interpolate=True).kind == "keyframe"
            assert video.at_time(0.42, interpolate=True).kind == "interpolated"
