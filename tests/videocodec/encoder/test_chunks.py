"""Where keyframes go, and the chunks that follow from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from videocodec.encoder.chunks import Chunk, KeyframePlanner, plan_chunks
from videocodec.encoder.motion import Luma, MotionEstimator, MotionSearch

HEIGHT, WIDTH = 64, 96


@pytest.fixture
def planned(smooth) -> Callable[..., list[Chunk | None]]:
    """planned(scenes, gop_size) → what planning says; a scene is a seed and a number of frames of a
    slow pan.
    """

    def plan(scenes: list[tuple[int, int]], gop_size: int = 250) -> list[Chunk | None]:
        lumas = []
        for seed, count in scenes:
            whole = smooth(HEIGHT, WIDTH + count, seed)[..., 0]
            lumas += [
                np.ascontiguousarray(whole[:, index : index + WIDTH]) for index in range(count)
            ]
        search = MotionSearch(16, HEIGHT // 16, WIDTH // 16, 1)
        return list(plan_chunks(lumas, KeyframePlanner(search, gop_size)))

    return plan


def test_a_cut_ends_a_chunk_and_the_end_of_the_video_the_last(planned) -> None:
    told = planned([(11, 12), (12, 15)])
    assert [chunk for chunk in told if chunk] == [Chunk(0, 0, 12, False), Chunk(1, 12, 15, True)]


def test_a_chunk_is_told_of_when_the_frame_after_it_is_seen(planned) -> None:
    told = planned([(11, 12), (12, 15)])
    assert [index for index, chunk in enumerate(told) if chunk] == [12, 27]
    assert len(told) == 27 + 1


def test_a_scene_shorter_than_eight_frames_shares_the_chunk_before_it(planned) -> None:
    """The second scene lasts from 12 to 16, so that the cut at 16 is too close to the keyframe at
    12.
    """
    assert [chunk.first for chunk in planned([(11, 12), (12, 4), (13, 20)]) if chunk] == [0, 12]


@pytest.mark.parametrize("gop_size", [1, 7, 10])
def test_gop_size_is_the_most_frames_of_a_chunk(planned, gop_size: int) -> None:
    chunks = [chunk for chunk in planned([(14, 20)], gop_size) if chunk]
    assert [chunk.first for chunk in chunks] == list(range(0, 20, gop_size))
    assert [chunk.frames for chunk in chunks] == [
        min(gop_size, 20 - chunk.first) for chunk in chunks
    ]
    assert [chunk.is_last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


def test_no_frames_have_no_chunk(planned) -> None:
    assert planned([]) == []


class Cuts(MotionEstimator):
    """Sees another scene wherever the first sample of a picture changes."""

    def novelty(self, current: Luma, reference: Luma) -> float:
        return 9.0 if current[0, 0] != reference[0, 0] else 0.0


def test_any_estimator_of_motion_will_do() -> None:
    lumas = [np.full((16, 16), index // 9, np.uint8) for index in range(27)]
    chunks = [chunk for chunk in plan_chunks(lumas, KeyframePlanner(Cuts(), 250)) if chunk]
    assert [(chunk.first, chunk.frames) for chunk in chunks] == [(0, 9), (9, 9), (18, 9)]
