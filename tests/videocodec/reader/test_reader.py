"""Frames, batches and latents by number and by time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from videocodec import Frame, FrameBatch, VideoReader
from videocodec.decoder.latents import LatentStream
from videocodec.errors import FrameRangeError, SettingsError
from videocodec.reader.ahead import ReadAhead

from .conftest import CPU, same


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

    @pytest.mark.parametrize(
        "index",
        [
            [12, 3, -1],
            (12, 3, -1),
            np.array([12, 3, -1]),
            torch.tensor([12, 3, -1]),
            [np.int64(12), torch.tensor(3), -1],
        ],
    )
    def test_several_numbers_are_a_list_of_frames(
        self, reader: VideoReader, sequential: list[Frame], index: object
    ) -> None:
        for found in (reader[index], reader[iter(index)]):
            assert isinstance(found, list) and [frame.index for frame in found] == [12, 3, 21]
            assert same(found[0], sequential[12])
        assert reader.get_frames_at(index).indices.tolist() == [12, 3, 21]

    @pytest.mark.parametrize("one", [np.array(5), torch.tensor(5), torch.tensor(-17)])
    def test_an_array_without_dimensions_is_one_number(
        self, reader: VideoReader, one: object
    ) -> None:
        assert reader[one].index == 5

    def test_a_mask_chooses_frames(self, reader: VideoReader) -> None:
        mask = np.arange(22) % 9 == 0
        for chosen in (mask, torch.from_numpy(mask)):
            assert [frame.index for frame in reader[chosen]] == [0, 9, 18]
        with pytest.raises(
            ValueError, match=r"a mask must have shape \(22,\), .* got shape \(3,\)"
        ):
            reader[mask[:3]]

    def test_arrays_of_other_kinds_are_refused(self, reader: VideoReader) -> None:
        with pytest.raises(ValueError, match=r"must have shape \(n,\), got shape \(1, 2\)"):
            reader[np.array([[1, 2]])]
        with pytest.raises(TypeError, match="must be a whole number"):
            reader[np.array([1.0, 2.0])]
        with pytest.raises(FrameRangeError, match="there is no frame 22"):
            reader[[0, 22]]


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
            model="embedded",
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
            reader.get_frames_at(seconds=[0.8, 0, 0.87, 0.01]),
        ):
            assert isinstance(batch, FrameBatch) and len(batch) == 4
            assert batch.indices.tolist() == [20, 0, 21, 0]
            assert all(
                np.array_equal(picture, sequential[i].data)
                for picture, i in zip(batch, batch.indices, strict=True)
            )
            assert batch.pts_seconds.tolist() == [sequential[i].pts_seconds for i in batch.indices]
            assert batch.duration_seconds.tolist() == [0.04] * 4

    def test_numbers_and_seconds_exclude_each_other(self, reader: VideoReader) -> None:
        for given in ({}, {"indices": [0], "seconds": [0.0]}):
            with pytest.raises(SettingsError, match="give one of them"):
                reader.get_frames_at(**given)

    def test_all_frames_come_in_batches(self, reader: VideoReader) -> None:
        assert [len(batch) for batch in reader.batches(8)] == [8, 8, 6]
        whole = list(reader.batches(8, drop_last=True))
        assert [batch.indices[0] for batch in whole] == [0, 8]
        with pytest.raises(ValueError, match="size"):
            next(reader.batches(0))

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


class TestByTheWay:
    def test_a_frame_by_the_way_is_the_same_and_leaves_the_direction(
        self, reader: VideoReader, sequential: list[Frame], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        noted: list[int] = []
        monkeypatch.setattr(ReadAhead, "note", lambda ahead, pictures, frame: noted.append(frame))
        reader[3]
        assert same(reader.peek(15), sequential[15]) and same(reader.peek(-1), sequential[-1])
        assert noted == [3]
        with pytest.raises(FrameRangeError):
            reader.peek(22)

    def test_the_model_is_that_of_the_stream(self, reader: VideoReader) -> None:
        assert (
            reader.bundle.name == reader.metadata.model
            and reader.bundle.sha256 == reader.metadata.model_sha256
        )
