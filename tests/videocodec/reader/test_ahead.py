"""Working ahead: in the direction of the steps, never past the memory, never in anyone's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bitstream.container import SharedFile
from videocodec import VideoReader
from videocodec.decoder.index import StreamIndex
from videocodec.decoder.latents import LatentStream
from videocodec.errors import DamagedFrameError
from videocodec.reader.ahead import ReadAhead
from videocodec.reader.cache import Cache, Kind
from videocodec.reader.latents import LatentSource
from videocodec.reader.pictures import Networks, PictureSource
from videocodec.restoration.settings import RestorationSettings

from .conftest import CPU

PATIENCE = 60  # seconds; machines are slow


class WatchedCache(Cache):
    """Tells what was put into it, in order, whether there was room for it or not."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.kept: list[Kind] = []

    def put(self, kind: Kind, key: Hashable, value: object, size: int) -> None:
        self.kept.append(kind)
        super().put(kind, key, value, size)


@dataclass(frozen=True)
class Ahead:
    """The parts of a reader that work ahead."""

    index: StreamIndex
    cache: WatchedCache
    pictures: PictureSource
    ahead: ReadAhead

    def show(self, frame: int) -> None:
        """Ask for a picture, as a reader does, and wait until nothing is left to be made ahead."""
        self.ahead.begin()
        try:
            self.pictures.frame(frame)
            self.ahead.note(self.pictures, frame)
        finally:
            self.ahead.end()
        assert self.ahead.wait(PATIENCE)


@contextmanager
def working_ahead(file: Path, memory_limit: int = 1 << 29) -> Iterator[Ahead]:
    """The parts of a reader of that file, with a cache that is watched."""
    shared = SharedFile.open(str(file))
    stream = LatentStream(shared, None)
    index, cache = StreamIndex(stream.reader), WatchedCache(memory_limit)
    latents = LatentSource(shared, index, stream.bundle.tables, cache)
    networks = Networks(stream, "cpu", 1)
    pictures = PictureSource(latents, networks, cache, RestorationSettings())
    ahead = ReadAhead(index, latents, cache)
    try:
        yield Ahead(index, cache, pictures, ahead)
    finally:
        ahead.stop()
        shared.close()


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
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


def test_latents_further_on_are_decoded_while_someone_makes_a_picture(coded_movie) -> None:
    """So that playing has both at once; pictures are not made ahead meanwhile."""
    with working_ahead(coded_movie.coded) as parts:
        parts.show(0)
        parts.show(1)
        parts.cache.clear()
        parts.ahead.begin()
        parts.ahead.note(parts.pictures, 2)
        with parts.ahead.drawing():
            further = [parts.index.unit_of(frame).number for frame in (2, 14)]
            wait_until(lambda: all(parts.cache.has(Kind.LATENTS, unit) for unit in further))
            assert not any(parts.pictures.has(frame) for frame in range(len(parts.index)))
        parts.ahead.end()
        assert parts.ahead.wait(PATIENCE)
        assert parts.pictures.has(3)


def test_the_state_of_the_decoder_is_kept_at_every_border(coded_movie) -> None:
    with working_ahead(coded_movie.coded) as parts:
        parts.show(21)
        # A state is that before an access unit; before the first after a keyframe it is the one
        # after that keyframe.
        inner = [unit.number for unit in parts.index.units if not unit.is_keyframe]
        assert inner
        assert all(parts.cache.has(Kind.STATE, number) for number in inner)


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
    with working_ahead(coded_movie.coded, limit) as parts:
        parts.show(5)
        assert parts.cache.used <= limit
        assert len(parts.cache.kept) < 60


def test_damage_ahead_stops_nothing(damaged: Callable) -> None:
    with VideoReader(damaged(1), **CPU) as video:
        video[0]
        wait_until(lambda: video.has_picture(10) and video.has_picture(12))
        with pytest.raises(DamagedFrameError):
            video[1]


def test_after_a_jump_the_group_is_gone_through_before_more_than_the_next_pictures_are_made(
    coded_movie,
) -> None:
    """So that the next jump is quick; where one steps, the pictures come first."""
    with working_ahead(coded_movie.coded) as parts:
        parts.show(0)
        assert all(parts.pictures.has(index) for index in range(13))
        states = [
            unit for unit in parts.index.units if not unit.is_keyframe and unit.first_frame < 10
        ]
        assert len(states) >= 2
        order = parts.cache.kept
        third = [place for place, kind in enumerate(order) if kind is Kind.PICTURE][3]
        assert order[:third].count(Kind.STATE) >= len(states)
