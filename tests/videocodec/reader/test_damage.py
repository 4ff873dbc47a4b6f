"""A damaged access unit costs its own frames and those that build on them, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader
from bitstream.errors import ContainerError
from videocodec import Frame, VideoReader
from videocodec.errors import DamagedFrameError

from .conftest import CPU


@pytest.fixture(scope="module")
def layout(coded_movie) -> list[range]:
    """Frames of each access unit."""
    with VideoReader(coded_movie.coded) as video:
        assert video.index.keyframes == [0, 10, 20] and all(
            unit.damage is None for unit in video.index.units
        )
        return [unit.frames for unit in video.index.units]


def check(path: Path, sequential: list[Frame], lost: set[int]) -> None:
    """All frames but the lost ones are as in the sound file; in any order."""
    with VideoReader(path, **CPU) as video:
        assert len(video) == len(sequential)
        for index in (*range(21, -1, -1), *range(22)):
            if index in lost:
                with pytest.raises(DamagedFrameError) as caught:
                    video[index]
                assert caught.value.first <= index <= caught.value.last
            else:
                assert np.array_equal(video[index].data, sequential[index].data)
                assert video[index].pts == sequential[index].pts
        assert {index for index in range(22) if video.index.damage_at(index)} == lost
        assert video.index.pts.tolist() == [frame.pts for frame in sequential]


def test_frames_from_the_next_keyframe_on_are_exact(
    damaged: Callable, layout: list[range], sequential: list[Frame]
) -> None:
    """A unit between two keyframes."""
    unit = next(number for number, frames in enumerate(layout) if 10 in frames) + 1
    check(damaged(unit), sequential, set(range(11, 20)))


def test_damage_of_the_last_unit_leaves_all_frames_before_it_exact(
    damaged: Callable, layout: list[range], sequential: list[Frame]
) -> None:
    check(damaged(len(layout) - 1), sequential, {21})


def test_a_keyframe_takes_its_group_with_it_even_the_first(
    damaged: Callable, layout: list[range], sequential: list[Frame]
) -> None:
    check(damaged(0), sequential, set(range(10)))


def test_damage_in_two_places_costs_the_frames_of_both(
    damaged: Callable, layout: list[range], sequential: list[Frame]
) -> None:
    check(damaged(1, len(layout) - 2), sequential, {*range(1, 10), 20, 21})


def test_the_error_says_which_frames_why_and_where_it_goes_on(
    damaged: Callable, layout: list[range]
) -> None:
    with VideoReader(damaged(1), **CPU) as video:
        assert video.metadata.damage.startswith("access unit 1: it is damaged: its checksum is")
        with pytest.raises(
            DamagedFrameError,
            match=(
                rf"changed.lv.mp4: frames 1 to {layout[1][-1]} cannot be decoded, frames from 10 on"
                r" can: access unit 1: it is dam"
            ),
        ) as caught:
            video[layout[1][0]]
        assert (caught.value.resumes_at, isinstance(caught.value, ValueError)) == (10, True)
        with pytest.raises(DamagedFrameError, match="cannot be decoded"):
            video.latents[layout[1][-1]]
    with (
        VideoReader(damaged(len(layout) - 1), **CPU) as video,
        pytest.raises(DamagedFrameError, match="and none after them can|frame 21 "),
    ):
        video[21]


def test_what_only_decoding_finds_is_marked_then(
    coded_movie, rewrite: Callable[..., Path], sequential: list[Frame]
) -> None:
    """A unit whose bytes are as they were written, but whose latents are not what its encoder
    had.
    """

    def change(index: int, data: bytes) -> bytes:
        unit = AccessUnit.parse(data)
        return (
            replace(unit, latent_checksum=unit.latent_checksum ^ 1).to_bytes()
            if 10 > index > 0 and not unit.is_keyframe
            else data
        )

    path = rewrite(coded_movie.coded, change)
    with VideoReader(path, read_ahead=False, **CPU) as video:
        assert video.metadata.damage is None
        for index in (9, 5):
            with pytest.raises(
                DamagedFrameError, match="reconstructed latents differ|build on access unit 1"
            ):
                video[index]
        assert video.index.units[1].damage is not None
        assert np.array_equal(video[0].data, sequential[0].data) and np.array_equal(
            video[10].data, sequential[10].data
        )


def test_strict_readers_refuse_such_a_file(damaged: Callable) -> None:
    with pytest.raises(ContainerError, match="changed.lv.mp4: access unit 2: it is damaged"):
        VideoReader(damaged(2), strict=True)


def test_a_file_that_is_cut_short_has_what_is_there(
    coded_movie, tmp_path: Path, sequential: list[Frame]
) -> None:
    with VideoReader(coded_movie.coded) as video:
        cut = video.index.units[-1].position + 5
        there = video.index.units[-1].first_frame
    path = tmp_path / "cut.lv.mp4"
    path.write_bytes(coded_movie.coded.read_bytes()[:cut])
    with VideoReader(path, **CPU) as video:
        assert (
            len(video) == there
            and "cut short" in video.metadata.damage
            and "cut short" in video.index.problem
        )
        assert np.array_equal(video[-1].data, sequential[there - 1].data)
    with pytest.raises(ContainerError, match="cut short"):
        VideoReader(path, strict=True)


@pytest.mark.parametrize("at", [0, 1])
def test_frames_keep_their_numbers_when_a_unit_no_longer_says_how_many_it_has(
    coded_movie, rewrite: Callable[..., Path], sequential: list[Frame], at: int
) -> None:
    """The byte with the structure, or that with the number of frames, turned over."""
    units = list(StreamReader(coded_movie.coded).units())
    first = next(
        number
        for number, sample in enumerate(units)
        if number and AccessUnit.parse(sample.data).is_keyframe
    )

    def change(index: int, data: bytes) -> bytes:
        changed = bytearray(data)
        changed[at] ^= 0x0F if at else 2
        return bytes(changed) if index == 1 else data

    with VideoReader(rewrite(coded_movie.coded, change), **CPU) as video:
        assert len(video) == 22 and video.index.units[first].first_frame == 10
        assert np.array_equal(video[12].data, sequential[12].data)
