"""Working ahead: in the direction of the steps, never past the memory, never in anyone's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from bitstream.container import SharedFile
from videocodec import Frame, VideoReader
from videocodec.decoder.index import StreamIndex
from videocodec.decoder.latents import LatentStream
from videocodec.errors import DamagedFrameError, ReaderClosedError
from videocodec.reader.ahead import ReadAhead
from videocodec.reader.cache import Cache, Kind
from videocodec.reader.latents import LatentSource
from videocodec.reader.picture_thread import pictures_ahead
from videocodec.reader.pictures import Networks, PictureSource
from videocodec.restoration.settings import RestorationSettings

from .conftest import CPU

PATIENCE = 60  # seconds; machines are slow
TWO = CPU | {"threads": 2}


def alike(a: Frame, b: Frame) -> bool:
    """Whether they show the same, within what floating point rounds otherwise by two threads."""
    return a.index == b.index and int(np.abs(a.data.astype(int) - b.data).max()) <= 1


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
    latents: LatentSource
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
def working_ahead(
    file: Path, memory_limit: int = 1 << 29, *, together: bool = False
) -> Iterator[Ahead]:
    """The parts of a reader of that file, with a cache that is watched."""
    shared = SharedFile.open(str(file))
    stream = LatentStream(shared, None)
    index, cache = StreamIndex(stream.reader), WatchedCache(memory_limit)
    latents = LatentSource(shared, index, stream.bundle.tables, cache)
    networks = Networks(stream, "cpu", 1)
    pictures = PictureSource(latents, networks, cache, RestorationSettings())
    ahead = ReadAhead(index, latents, cache, together=together)
    try:
        yield Ahead(index, latents, cache, pictures, ahead)
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


def test_steps_are_left_to_two_threads(
    coded_movie, sequential: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One decodes latents and one makes pictures, so whoever goes on step by step makes none."""
    makers = set[str]()
    make = PictureSource.frame

    def noted(pictures: PictureSource, number: int) -> Frame:
        makers.add(threading.current_thread().name)
        return make(pictures, number)

    with VideoReader(coded_movie.coded, **TWO) as video:
        assert alike(video[0], sequential[0])
        monkeypatch.setattr(PictureSource, "frame", noted)
        for index in range(1, len(video)):
            assert alike(video[index], sequential[index])
        for index in range(len(video) - 2, 0, -1):
            assert alike(video[index], sequential[index])
    # pictures that are at hand are taken by who asks
    assert makers <= {"videocodec-reader-pictures", threading.current_thread().name}
    assert "videocodec-reader-pictures" in makers


def test_who_asks_first_is_helped(coded_movie) -> None:
    """The thread for pictures is there before there is a picture."""
    with working_ahead(coded_movie.coded, together=True) as parts:
        parts.ahead.begin()
        names = {thread.name for thread in threading.enumerate()}
        assert "videocodec-reader-pictures" in names
        done = threading.Event()
        with parts.latents.crew.invited(done.set):
            assert done.wait(PATIENCE)
        parts.pictures.frame(21)
        parts.ahead.end()


def test_what_a_jump_passed_over_is_at_hand_after_it(second_movie) -> None:
    with working_ahead(second_movie.coded) as parts:
        parts.show(9)
        group = [unit for unit in parts.index.units if unit.first_frame < 10]
        assert len(group) > 2
        assert all(parts.cache.has(Kind.LATENTS, unit.number) for unit in group)


def test_an_order_is_filled_while_others_work_themselves(coded_movie) -> None:
    with working_ahead(coded_movie.coded, together=True) as parts:
        parts.show(0)
        parts.cache.clear()
        parts.ahead.begin()
        found = parts.ahead.picture(parts.pictures, 1)
        assert found is not None and found.index == 1
        parts.ahead.end()


@pytest.mark.parametrize("frame", [0, 21])
def test_what_is_no_step_or_at_hand_is_for_who_asks(coded_movie, frame: int) -> None:
    with working_ahead(coded_movie.coded, together=True) as parts:
        assert parts.ahead.picture(parts.pictures, frame) is None  # there is no thread yet
        parts.show(20)
        assert parts.ahead.picture(parts.pictures, frame) is None


def test_an_order_that_nobody_can_fill_is_given_back(damaged: Callable) -> None:
    with VideoReader(damaged(1), **TWO) as video:
        assert video[0].index == 0
        for index in range(1, 10):  # what builds on it is lost with it
            with pytest.raises(DamagedFrameError):
                video[index]
        assert video[10].index == 10


def test_closing_lets_go_of_who_waits(coded_movie, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on = threading.Event(), threading.Event()
    make = PictureSource.frame

    def slow(pictures: PictureSource, number: int) -> Frame:
        if number == 1:
            entered.set()
            assert go_on.wait(PATIENCE)
        return make(pictures, number)

    raised: list[Exception] = []

    def ask(index: int) -> None:
        try:
            video[index]
        except ReaderClosedError as error:
            raised.append(error)

    monkeypatch.setattr(PictureSource, "frame", slow)
    video = VideoReader(coded_movie.coded, **TWO)
    video[0]
    asking = [threading.Thread(target=ask, args=(index,)) for index in (1, 2)]
    asking[0].start()
    assert entered.wait(PATIENCE)
    asking[1].start()
    closing = threading.Thread(target=video.close)
    closing.start()
    go_on.set()
    for thread in (*asking, closing):
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert len(raised) <= 2


@pytest.mark.parametrize("limit", [0, 50_000, 2_000_000])
def test_little_memory_costs_nothing_but_time(
    coded_movie, sequential: list[Frame], limit: int
) -> None:
    with VideoReader(coded_movie.coded, memory_limit=limit, **TWO) as video:
        assert all(alike(frame, sequential[frame.index]) for frame in video)


def test_more_pictures_are_made_ahead_where_they_fit() -> None:
    small, large = (3 * width * height for width, height in ((512, 288), (3840, 2160)))
    assert pictures_ahead(1 << 29, small) > 100 > pictures_ahead(1 << 27, small) > 12
    assert pictures_ahead(1 << 29, large) == pictures_ahead(0, small) == 12


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


@pytest.mark.parametrize("together", [False, True])
def test_after_a_jump_the_group_is_gone_through_before_more_than_the_next_pictures_are_made(
    coded_movie, together: bool
) -> None:
    """So that the next jump is quick; where one steps, or has just come, the pictures come
    first.
    """
    with working_ahead(coded_movie.coded, together=together) as parts:
        parts.show(0)
        assert all(parts.pictures.has(index) for index in range(13))
    with working_ahead(coded_movie.coded, together=together) as parts:
        parts.ahead.note(parts.pictures, 21)
        parts.show(0)
        states = [
            unit for unit in parts.index.units if not unit.is_keyframe and unit.first_frame < 10
        ]
        assert len(states) >= 2
        assert all(parts.pictures.has(index) for index in range(13))
        order = parts.cache.kept
        third = [place for place, kind in enumerate(order) if kind is Kind.PICTURE][4]
        assert order[:third].count(Kind.STATE) >= len(states)
