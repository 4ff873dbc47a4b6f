"""Frames of planned chunks: the same ones by seeking as from the beginning, or an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from av import VideoFrame

from videocodec.encoder.request import RateGoal
from videocodec.encoder.settings import EncoderSettings
from videocodec.errors import FrameMismatchError
from videocodec.farm import reading
from videocodec.farm.plan import FarmPlan
from videocodec.farm.planning import PlanRequest, make_plan
from videocodec.farm.reading import PlannedFrames
from videocodec.media.decoding import FrameDecoder
from videocodec.media.options import SourceOptions
from videocodec.media.seeking import SeekingSource
from videocodec.media.source import SourceFrame, VideoSource


def facts(frames: list[SourceFrame]) -> list[tuple[int, int, bytes]]:
    return [(frame.pts, frame.duration, frame.rgb.tobytes()) for frame in frames]


@pytest.fixture
def source(
    tmp_path: Path, write_movie: Callable[..., Path], panned: Callable[..., list[np.ndarray]]
) -> Path:
    """60 frames with a keyframe every 12."""
    return write_movie(tmp_path / "movie.mp4", panned(60, 32, 48, (0, 1)), keyframe_distance=12)


def plan_of(source: Path, max_frames: int | None = None) -> FarmPlan:
    settings = EncoderSettings(gop_size=9)
    return make_plan(
        PlanRequest(source, settings, RateGoal(), model="embedded", max_frames=max_frames)
    )


@pytest.mark.parametrize("max_frames", [None, 50])
def test_chunks_in_any_order_have_the_frames_of_the_plan(
    source: Path, monkeypatch: pytest.MonkeyPatch, max_frames: int | None
) -> None:
    monkeypatch.setattr(reading, "NEAR", 3)
    plan = plan_of(source, max_frames)
    with VideoSource(source, max_frames=max_frames) as video:
        expected = facts(list(video))
    frames = PlannedFrames(source, max_frames, SourceOptions())
    for planned in (*reversed(plan.chunks), *plan.chunks[::2]):
        chunk = planned.chunk
        part = expected[chunk.first : chunk.first + chunk.frames]
        assert facts(list(frames.frames(planned))) == part
        assert facts(list(frames.frames(planned, seeking=False))) == part
    frames.close()


def test_seeking_decodes_little_and_says_what_it_cannot_find(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, frames, decoded = plan_of(source), FrameDecoder.frames, []

    def counted(decoder: FrameDecoder) -> Iterator[VideoFrame]:
        for frame in frames(decoder):
            decoded.append(frame.pts)
            yield frame

    monkeypatch.setattr(FrameDecoder, "frames", counted)
    with SeekingSource(source) as video:
        assert video.seek(plan.chunks[5].pts, plan.chunks[5].chunk.first)
        assert len(decoded) <= 25  # of 46 that come before it
        assert next(iter(video)).pts == plan.chunks[5].pts
    with SeekingSource(source) as video:
        assert not video.seek(plan.chunks[5].pts + 1, 45)


def test_frames_that_are_not_those_of_the_plan_are_an_error(source: Path) -> None:
    plan = plan_of(source)
    frames = PlannedFrames(source, None, SourceOptions())
    for changed in (
        replace(plan.chunks[2], pictures=plan.chunks[2].pictures ^ 1),
        replace(plan.chunks[-1], chunk=replace(plan.chunks[-1].chunk, frames=20)),
    ):
        with pytest.raises(FrameMismatchError, match="are not what they were when the plan"):
            list(frames.frames(changed, seeking=False))
    assert len(list(frames.frames(plan.chunks[0]))) == 9
    frames.close()
