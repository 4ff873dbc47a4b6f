"""Chunks that are coded while they are read."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from videocodec.encoder.chunks import Chunk, KeyframePlanner, plan_chunks
from videocodec.encoder.motion import MotionSearch
from videocodec.encoder.open_chunks import OpenChunks
from videocodec.media.source import SourceFrame

HEIGHT, WIDTH = 64, 96


@pytest.fixture
def video(smooth) -> list[SourceFrame]:
    """Three scenes of a slow pan, 12, 15 and 9 frames."""
    pictures = []
    for seed, count in ((11, 12), (12, 15), (13, 9)):
        whole = smooth(HEIGHT, WIDTH + count, seed)
        pictures += [whole[:, index : index + WIDTH] for index in range(count)]
    return [
        SourceFrame(np.ascontiguousarray(picture), index, 1)
        for index, picture in enumerate(pictures)
    ]


def _search() -> MotionSearch:
    return MotionSearch(16, HEIGHT // 16, WIDTH // 16, 1)


def _all_of(chunks: OpenChunks) -> list[tuple[Chunk, list[int]]]:
    found = []
    while chunks.begin() is not None:
        times = [frame.pts for frame in chunks.frames()]
        found.append((chunks.end(), times))
    return found


@pytest.mark.parametrize("gop_size", [250, 10, 12])
def test_open_chunks_are_those_that_are_planned(video: list[SourceFrame], gop_size: int) -> None:
    search = _search()
    found = _all_of(OpenChunks(video, search.luma, KeyframePlanner(search, gop_size)))
    lumas = (search.luma(frame.rgb) for frame in video)
    planned = plan_chunks(lumas, KeyframePlanner(search, gop_size))
    assert [chunk for chunk, _ in found] == [chunk for chunk in planned if chunk is not None]
    assert [time for _, times in found for time in times] == list(range(len(video)))
    assert all(len(times) == chunk.frames for chunk, times in found)


def test_an_open_chunk_reads_no_further_than_the_frame_that_is_asked_for(
    video: list[SourceFrame],
) -> None:
    read: list[int] = []
    search = _search()
    frames = (frame for frame in video if read.append(frame.pts) is None)
    chunks = OpenChunks(frames, search.luma, KeyframePlanner(search, 250))
    assert chunks.begin() == Chunk(0, 0, 0, is_last=False)
    assert len(list(islice(chunks.frames(), 5))) == 5
    assert read == [0, 1, 2, 3, 4]


def test_a_video_of_nothing_has_no_chunks() -> None:
    search = _search()
    assert OpenChunks([], search.luma, KeyframePlanner(search, 250)).begin() is None
