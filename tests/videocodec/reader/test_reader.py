"""Frames by number and by time: the same to the last bit as from the start, whatever the order, the
memory and the thread.
"""

from __future__ import annotations

import io
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bitstream.errors import ContainerError
from videocodec import Frame, FrameBatch, VideoReader
from videocodec.decoder.latents import LatentStream
from videocodec.errors import FrameRangeError, ReaderClosedError

from .conftest import CPU


def same(a: Frame, b: Frame) -> bool:
    """Whether two frames agree in everything."""
    names = ("pts_seconds", "duration_seconds", "kind", "bytes", "index", "pts", "duration")
    arrays = np.array_equal(a.data, b.data) and np.array_equal(a.provenance, b.provenance)
    return arrays and all(getattr(a, name) == getattr(b, name) for name in names)


class TestSequence:
    def test_it_is_as_long_as_the_stream_and_iterates_over_it(
        self, reader: VideoReader, sequential: list[Frame]
    ) -> None:
        assert len(reader) == len(sequential) == 22
        assert all(same(a, b) for a, b in zip(reader, sequential, strict=True))

    @pytest.mark.parametrize("index", [0, 21, 9, 10, -1, -22, -12, np.int64(5)])
    def test_an_index_counts_from_the_end_if_negative(
        self, reader: VideoReader, sequential: list[Frame], index: int
    ) -> None:
        assert same(reader[index], sequential[index])

    @pytest.mark.parametrize(
        "part",
        [
            slice(8, 12),
            slice(None, None, 7),
            slice(-3, None),
            slice(15, 3, -5),
            slice(30, 40),
            slice(5, 5),
        ],
    )
    def test_a_slice_is_a_list(
        self, reader: VideoReader, sequential: list[Frame], part: slice
    ) -> None:
        found = reader[part]
        assert isinstance(found, list) and [frame.index for frame in found] == list(range(22))[part]
        assert all(same(a, b) for a, b in zip(found, sequential[part], strict=True))

    @pytest.mark.parametrize("index", [22, -23, 10**30])
    def test_beyond_its_ends_is_an_index_error_that_states_the_length(
        self, reader: VideoReader, index: int
    ) -> None:
        with pytest.raises(
            FrameRangeError,
            match=rf"pan.lv.mp4: there is no frame {index}: it has 22 frames, 0 to 21$",
        ) as caught:
            reader[index]
        assert isinstance(caught.value, IndexError)

    def test_a_number_must_be_whole(self, reader: VideoReader) -> None:
        with pytest.raises(
            TypeError,
            match=(
                r"must be a whole number, got 1.5: get_frame_at and get_frames_played_at take"
                r" seconds"
            ),
        ):
            reader[1.5]
        with pytest.raises(TypeError, match="take seconds"):
            reader.get_frames_at([0.04])


class TestTimes:
    def test_every_frame_is_found_by_its_own_time_and_until_the_next(
        self, reader: VideoReader, sequential: list[Frame]
    ) -> None:
        for frame in sequential:
            assert reader.index.frame_at_seconds(frame.pts_seconds) == frame.index
            assert reader.index.frame_at_seconds(frame.pts_seconds + 0.0399) == frame.index
            assert (
                reader.index.frame_at_pts(frame.pts)
                == reader.index.frame_at_pts(frame.pts + frame.duration - 1)
                == frame.index
            )
        assert same(reader.get_frame_at(0.41), sequential[10])

    @pytest.mark.parametrize("seconds", [-0.01, 0.88, 99, float("nan")])
    def test_a_time_when_nothing_is_shown_says_when_something_is(
        self, reader: VideoReader, seconds: float
    ) -> None:
        with pytest.raises(
            FrameRangeError,
            match=r"nothing is shown at .* s: its 22 frames last from 0 s up to 0.88 s",
        ):
            reader.get_frame_at(seconds)

    def test_uneven_times_are_those_of_the_frames(
        self, tmp_path: Path, panned: Callable, write_movie: Callable
    ) -> None:
        from videocodec import encode

        pts = [3, 4, 9, 10, 11, 30]
        encode(
            write_movie(tmp_path / "a.mp4", panned(6, 32, 32, (0, 1)), pts=pts),
            tmp_path / "a.lv.mp4",
            preset="superfast",
            **CPU,
        )
        with VideoReader(tmp_path / "a.lv.mp4", **CPU) as video:
            assert (
                video.index.pts_seconds.tolist()
                == [frame.pts_seconds for frame in video]
                == pytest.approx([p / 25 for p in pts])
            )
            assert [video.index.frame_at_seconds(p / 25 + 0.001) for p in (3, 8, 9, 29, 30)] == [
                0,
                1,
                2,
                4,
                5,
            ]
            assert video.metadata.begin_seconds == pytest.approx(0.12)


class TestBatches:
    def test_frames_by_number_and_by_time_come_as_one_array(
        self, reader: VideoReader, sequential: list[Frame]
    ) -> None:
        for batch in (
            reader.get_frames_at([20, 0, -1, 0]),
            reader.get_frames_played_at([0.8, 0, 0.87, 0.01]),
        ):
            assert isinstance(batch, FrameBatch) and len(batch) == 4
            assert batch.indices.tolist() == [20, 0, 21, 0]
            assert all(
                np.array_equal(picture, sequential[i].data)
                for picture, i in zip(batch, batch.indices, strict=True)
            )
            assert batch.pts_seconds.tolist() == [sequential[i].pts_seconds for i in batch.indices]
            assert batch.duration_seconds.tolist() == [0.04] * 4

    def test_a_range_must_lie_inside(self, reader: VideoReader) -> None:
        assert reader.get_frames_in_range(4, 10, 2).indices.tolist() == [4, 6, 8]
        with pytest.raises(
            FrameRangeError, match="stop must be 0..22, the number of frames, got 23"
        ):
            reader.get_frames_in_range(0, 23)

    def test_there_may_be_none(self, reader: VideoReader) -> None:
        assert reader.get_frames_at([]).data.shape == (0, 3, 64, 96)

    def test_they_check_their_shapes(self) -> None:
        times = np.zeros(2)
        with pytest.raises(
            ValueError, match=r"data must be \(n, 3, H, W\) uint8, got shape \(2, 4, 4, 3\)"
        ):
            FrameBatch(np.zeros((2, 4, 4, 3), np.uint8), times, times, times.astype(int))
        with pytest.raises(
            ValueError, match=r"pts_seconds must have shape \(3,\), got shape \(2,\)"
        ):
            FrameBatch(np.zeros((3, 3, 4, 4), np.uint8), times, times, times.astype(int))


class TestLatents:
    def test_they_are_the_streams_integers(self, reader: VideoReader, coded_movie) -> None:
        exact = [frame.latent.latents for frame in LatentStream(coded_movie.coded).frames()]
        for index in (21, 3, -1, 10):
            assert (
                np.array_equal(reader.latents[index], exact[index])
                and reader.latents[index].dtype == np.int16
            )
        assert np.array_equal(reader.latents[5:15:3], exact[5:15:3])
        assert reader.latents[4:4].shape == (0, *exact[0].shape)
        assert len(reader.latents) == 22 and all(
            np.array_equal(a, b) for a, b in zip(reader.latents, exact, strict=True)
        )

    def test_all_that_is_known_of_them_is_there(self, reader: VideoReader, coded_movie) -> None:
        for frame in LatentStream(coded_movie.coded).frames():
            found = reader.latent_frame(frame.index)
            for name in ("pts", "duration", "kind", "byte_share", "index", "references"):
                assert getattr(found, name) == getattr(frame, name)
            assert np.array_equal(found.quantiser_map, frame.quantiser_map)
            assert np.array_equal(found.latent.fields.modes, frame.latent.fields.modes)

    def test_neither_they_nor_metadata_need_pytorch(self, coded_movie) -> None:
        code = (
            "import sys; from videocodec import VideoReader\nwith"
            f" VideoReader({str(coded_movie.coded)!r}) as v: v.latents[12]; v.metadata;"
            " v.index.keyframes; v.latent_frame(3)\nsys.exit('torch' in sys.modules)"
        )
        root = Path(__file__).resolve().parents[3]
        assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0


class TestExactness:
    @pytest.mark.parametrize("limit", [0, 60_000, 400_000, 64 << 20])
    @pytest.mark.parametrize("read_ahead", [False, True])
    def test_any_order_under_any_memory(
        self, coded_movie, sequential: list[Frame], limit: int, read_ahead: bool
    ) -> None:
        order = [21, 0, 11, 10, 9, 8, 7, 12, 13, 20, 19, 0, 21]
        with VideoReader(
            coded_movie.coded, memory_limit=limit, read_ahead=read_ahead, **CPU
        ) as video:
            assert all(same(video[index], sequential[index]) for index in order)
            assert video.memory_peak <= limit and video.memory_used <= limit

    @pytest.mark.slow
    def test_five_thousand_random_jumps(self, coded_movie, sequential: list[Frame]) -> None:
        rng = random.Random(5)
        with (
            VideoReader(coded_movie.coded, memory_limit=300_000, **CPU) as small,
            VideoReader(coded_movie.coded, **CPU) as large,
        ):
            for jump in range(5000):
                index = rng.randrange(22)
                video = small if jump % 10 == 0 else large
                assert np.array_equal(video[index].data, sequential[index].data), (jump, index)
                if jump % 7 == 0:
                    small.latents[rng.randrange(22)]

    def test_several_threads(self, coded_movie, sequential: list[Frame]) -> None:
        wrong: list[object] = []

        def jump(seed: int) -> None:
            rng = random.Random(seed)
            try:
                wrong.extend(
                    i
                    for i in (rng.randrange(22) for _ in range(15))
                    if not np.array_equal(video[i].data, sequential[i].data)
                )
            except Exception as error:
                wrong.append(error)

        with VideoReader(coded_movie.coded, memory_limit=500_000, **CPU) as video:
            threads = [threading.Thread(target=jump, args=(seed,)) for seed in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert wrong == []

    def test_threads_that_go_to_different_places_without_memory_both_arrive(
        self, coded_movie
    ) -> None:
        exact = {
            frame.index: frame.latent.latents for frame in LatentStream(coded_movie.coded).frames()
        }
        wrong: list[int] = []

        def look(numbers: tuple[int, ...]) -> None:
            wrong.extend(
                number
                for number in 4 * numbers
                if not np.array_equal(video.latents[number], exact[number])
            )

        with VideoReader(coded_movie.coded, memory_limit=0, read_ahead=False, **CPU) as video:
            threads = [
                threading.Thread(target=look, args=(numbers,), daemon=True)
                for numbers in ((9, 19), (19, 21), (8, 9))
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert not any(thread.is_alive() for thread in threads) and wrong == []

    def test_closing_under_another_thread_is_told_as_that(self, coded_movie) -> None:
        video = VideoReader(coded_movie.coded, memory_limit=0, read_ahead=False, **CPU)
        read = video._core.file.read

        def close_first(position: int, count: int) -> bytes:
            video.close()
            return read(position, count)

        video._core.file.read = close_first
        with pytest.raises(ReaderClosedError):
            video.latents[15]


class TestSources:
    def test_paths_and_file_objects(self, coded_movie, sequential: list[Frame]) -> None:
        with open(coded_movie.coded, "rb") as file:
            for source in (
                str(coded_movie.coded),
                io.BytesIO(coded_movie.coded.read_bytes()),
                file,
            ):
                with VideoReader(source, **CPU) as video:
                    assert same(video[12], sequential[12])
            assert not file.closed

    def test_a_file_that_is_replaced_meanwhile_stays_what_it_was(
        self, coded_movie, tmp_path: Path, sequential: list[Frame]
    ) -> None:
        path = tmp_path / "a.lv.mp4"
        path.write_bytes(coded_movie.coded.read_bytes())
        with VideoReader(path, read_ahead=False, **CPU) as video:
            other = tmp_path / "other"
            other.write_bytes(b"something else")
            other.replace(path)
            assert same(video[15], sequential[15])

    def test_what_is_no_latent_video_is_named(self, coded_movie, tmp_path: Path) -> None:
        with pytest.raises(ContainerError, match="none.mp4: no such file"):
            VideoReader(tmp_path / "none.mp4")
        with pytest.raises(ContainerError, match="is an ordinary video"):
            VideoReader(coded_movie.movie)
        with pytest.raises(ContainerError, match="the file object"):
            VideoReader(io.BytesIO(b"nothing"))


class TestSettings:
    def test_readers_of_one_file_share_what_is_the_same(self, reader: VideoReader) -> None:
        other = reader.with_settings(steps=3, restore=False)
        assert (other.settings.steps, other.settings.restore, other.settings.seed) == (3, False, 0)
        assert other.latent_frame(3) is reader.latent_frame(3)
        reader.close()
        assert other[3].index == 3
        other.close()
        with pytest.raises(ReaderClosedError):
            other[3]

    @pytest.mark.parametrize("settings", [{"steps": 0}, {"seed": -1}, {"memory_limit": -1}])
    def test_impossible_ones_are_refused(self, coded_movie, settings: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="of at least"):
            VideoReader(coded_movie.coded, **settings)

    def test_metadata(self, reader: VideoReader, coded_movie) -> None:
        from videocodec import info

        told, known = reader.metadata, info(coded_movie.coded, headers_only=True)
        for name in (
            "width",
            "height",
            "frame_rate",
            "frames",
            "keyframes",
            "duration_seconds",
            "access_units",
            "video_bytes",
            "crf",
        ):
            assert getattr(told, name) == getattr(known, name), name
        assert (told.container_bytes, told.audio_tracks, told.preset) == (
            known.container_bytes,
            known.audio_tracks,
            known.preset,
        )
        assert (told.model, told.model_sha256) == (known.model["name"], known.model["sha256"])
        assert (told.latent_channels, told.latent_height, told.latent_width) == reader.latents[
            0
        ].shape
        assert told.damage is None


def test_pictures_are_read_only(reader: VideoReader) -> None:
    with pytest.raises(ValueError, match="read-only"):
        reader[0].data[:] = 0
    with pytest.raises(ValueError, match="read-only"):
        reader.latents[0][:] = 0


def test_two_threads_that_close_a_reader_close_it_once(coded_movie) -> None:
    video = VideoReader(coded_movie.coded, **CPU)
    other, both = video.with_settings(seed=3), threading.Barrier(2)

    class Unhurried(VideoReader):
        """Two threads see it open."""

        @property
        def _closed(self) -> bool:
            found = self.__dict__["_closed"]
            if not found:
                both.wait(10)
            return found

        @_closed.setter
        def _closed(self, value: bool) -> None:
            self.__dict__["_closed"] = value

    video.__class__ = Unhurried
    threads = [threading.Thread(target=video.close) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert other[0].data.shape[0] == 3  # the file is still open
    other.close()


def test_a_closed_reader_says_so_with_its_length(coded_movie) -> None:
    video = VideoReader(coded_movie.coded, **CPU)
    video.close()
    video.close()
    for use in (
        lambda: video[0],
        lambda: video[99],
        lambda: video[0:0],
        lambda: video.latents[0],
        lambda: video.get_frame_at(0),
        lambda: video.get_frame_at(99.0),
        lambda: video.get_frames_at([]),
        lambda: video.has_picture(0),
        lambda: list(video),
        video.with_settings,
    ):
        with pytest.raises(ReaderClosedError, match=r"this reader is closed \(it had 22 frames\)"):
            use()
    assert len(video) == 22 and video.metadata.frames == 22 and "closed" in repr(video)


class TestByTheWay:
    def test_a_frame_by_the_way_is_the_same_and_leaves_the_direction(
        self, reader: VideoReader, sequential: list[Frame]
    ) -> None:
        wish = reader[3] and reader._core.ahead._wish
        assert same(reader.peek(15), sequential[15]) and same(reader.peek(-1), sequential[-1])
        assert reader._core.ahead._wish == wish
        with pytest.raises(FrameRangeError):
            reader.peek(22)

    def test_the_model_is_that_of_the_stream(self, reader: VideoReader) -> None:
        assert (
            reader.bundle.name == reader.metadata.model
            and reader.bundle.sha256 == reader.metadata.model_sha256
        )
