"""Any frame of the original, by the time at which it is shown."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from videocodec.media.source import VideoSource
from videocodec.player.original import OriginalFrames, SizeMismatchError
from videocodec.player.video_frames import VideoFrames


def frames_of(path) -> tuple[list[np.ndarray], list[float]]:
    with VideoSource(path) as source:
        frames = list(source)
        return [frame.rgb for frame in frames], [
            float(frame.pts * source.time_base) for frame in frames
        ]


@pytest.fixture
def movie(tmp_path, panned, write_movie):
    return write_movie(tmp_path / "movie.mp4", panned(40, 48, 64, (1, 1)))


def test_uneven_times_match_by_time(tmp_path, panned, write_movie) -> None:
    pts = [0, 40, 50, 200, 210, 400]
    movie = write_movie(
        tmp_path / "uneven.mp4", panned(6, 48, 64, (2, 2)), pts=pts, time_base=Fraction(1, 1000)
    )
    pictures, times = frames_of(movie)
    frames = OriginalFrames(VideoFrames(movie), 64, 48, times)
    assert all(np.array_equal(frames.rgb(index), pictures[index]) for index in (5, 0, 3, 4, 1, 2))
    frames.frames.close()


def test_another_frame_rate_takes_the_nearest(movie) -> None:
    pictures, times = frames_of(movie)
    frames = OriginalFrames(
        VideoFrames(movie), 64, 48, times[::2]
    )  # the stream kept every second frame
    assert all(np.array_equal(frames.rgb(index), pictures[2 * index]) for index in (0, 19, 7))
    frames.frames.close()


def test_beyond_the_end_of_a_shorter_original_there_is_none(movie) -> None:
    pictures, times = frames_of(movie)
    frames = OriginalFrames(
        VideoFrames(movie), 64, 48, [*times, *(times[-1] + (index + 1) / 25 for index in range(5))]
    )
    assert frames.rgb(41) is None and frames.rgb(44) is None
    assert np.array_equal(frames.rgb(39), pictures[39])
    frames.frames.close()


def test_another_size_is_an_error_that_names_both(movie) -> None:
    with pytest.raises(
        SizeMismatchError,
        match="movie.mp4: the original is 64×48, the stream 128×96: give the clip that was encoded",
    ):
        OriginalFrames(VideoFrames(movie), 128, 96, [0.0])
