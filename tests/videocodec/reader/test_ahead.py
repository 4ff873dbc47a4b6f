"""Working ahead: in the direction of the steps, never past the memory, never in anyone's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from videocodec import VideoReader
from videocodec.errors import DamagedFrameError
from videocodec.reader.cache import Kind

from .conftest import CPU


def wait_until(condition: Callable[[], bool]) -> None:
    """Patiently: machines are slow."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def test_the_pictures_after_the_last_one_are_made_before_they_are_asked_for(
    reader: VideoReader,
) -> None:
    reader[2]
    wait_until(lambda: all(reader.has_picture(index) for index in range(3, 14)))


def test_steps_backwards_are_followed(reader: VideoReader) -> None:
    reader[20]
    reader[19]
    wait_until(lambda: all(reader.has_picture(index) for index in range(8, 19)))
    assert not reader.has_picture(2)


def test_the_state_of_the_decoder_is_kept_at_every_border(reader: VideoReader) -> None:
    reader[21]
    inner = [unit.number for unit in reader.index.units if not unit.is_keyframe]
    # A state is that before an access unit; before the first after a keyframe it is the one after
    # that keyframe.
    wait_until(lambda: all(reader._core.cache.has(Kind.STATE, number) for number in inner))


def test_without_it_there_is_no_thread(coded_movie) -> None:
    before = threading.active_count()
    with VideoReader(coded_movie.coded, read_ahead=False, **CPU) as video:
        video[3]
        assert threading.active_count() == before and not video.has_picture(4)


def test_closing_ends_the_thread_and_so_does_forgetting(coded_movie) -> None:
    def threads() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "videocodec-reader"]

    video = VideoReader(coded_movie.coded, **CPU)
    video[0]
    assert len(threads()) == 1
    video.close()
    assert threads() == []
    VideoReader(coded_movie.coded, **CPU)[0]
    wait_until(lambda: threads() == [])


@pytest.mark.parametrize("limit", [0, 30_000, 100_000])
def test_too_little_memory_brings_it_to_rest(coded_movie, limit: int) -> None:
    """Rather than to making the same things over and over."""
    with VideoReader(coded_movie.coded, memory_limit=limit, **CPU) as video:
        steps, original = [], video._core.latents.step_towards
        video._core.latents.step_towards = lambda *of, **how: (
            steps.append(of) or original(*of, **how)
        )
        video[5]
        quiet = [0, 0]

        def at_rest() -> bool:
            quiet[:] = [quiet[0] + 1 if len(steps) == quiet[1] else 0, len(steps)]
            return quiet[0] > 50

        wait_until(at_rest)
        assert len(steps) < 60


def test_damage_ahead_stops_nothing(damaged: Callable) -> None:
    with VideoReader(damaged(1), **CPU) as video:
        video[0]
        wait_until(lambda: video.has_picture(10) and video.has_picture(12))
        with pytest.raises(DamagedFrameError):
            video[1]


def test_after_a_jump_the_group_is_gone_through_before_more_than_the_next_pictures_are_made(
    reader: VideoReader,
) -> None:
    """So that the next jump is quick; where one steps, the pictures come first."""
    order: list[str] = []
    core = reader._core
    put = core.cache.put
    core.cache.put = lambda kind, *rest: order.append(kind.name) or put(kind, *rest)
    reader[0]
    wait_until(lambda: all(reader.has_picture(index) for index in range(13)))
    states = [
        unit.number for unit in reader.index.units if not unit.is_keyframe and unit.first_frame < 10
    ]
    assert len(states) >= 2
    before_the_rest = order[: [place for place, kind in enumerate(order) if kind == "PICTURE"][3]]
    assert before_the_rest.count("STATE") >= len(states)
