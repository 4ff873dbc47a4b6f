"""Interlaced sources are said to be so, and made whole pictures when that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from videocodec.media.options import SourceOptions
from videocodec.media.seeking import SeekingSource
from videocodec.media.source import VideoSource

from .conftest import read

COUNT = 6


def _picture(place: int) -> np.ndarray:
    """A bright bar, which the second field has 8 px further right: (48, 64, 3) uint8."""
    rgb = np.full((48, 64, 3), 16, np.uint8)
    rgb[::2, place : place + 8] = 235
    rgb[1::2, place + 8 : place + 16] = 235
    return rgb


@pytest.fixture
def make(tmp_path: Path) -> Callable[[bool], Path]:
    """make(True) → a video of a moving bar whose frames are marked as interlaced."""

    def made(interlaced: bool) -> Path:
        path = tmp_path / "clip.mp4"
        options = {"crf": "1", "x264-params": "tff=1" if interlaced else "bframes=0"}
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", 25, options=options)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for index in range(COUNT):
                frame = av.VideoFrame.from_ndarray(_picture(6 * index), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return made


def _combing(rgb: np.ndarray) -> float:
    """How much neighbouring lines differ, in levels."""
    return float(np.abs(np.diff(rgb[4:-4].astype(int), axis=0)).mean())


def test_fields_become_whole_pictures_with_the_times_of_their_frames(make) -> None:
    path = make(interlaced=True)
    with VideoSource(path) as source:
        frames = list(source)
        assert "it is interlaced: --deinterlace makes whole pictures" in source.notes[-1]
        assert source.conversions == ["frames hold two fields, the top one first"]
    with VideoSource(path, options=SourceOptions(deinterlace=True)) as source:
        whole = list(source)
        assert source.conversions == ["whole pictures were made of interlaced fields"]
        assert not source.has_own_times
    assert len(whole) == COUNT
    assert [(frame.pts, frame.duration) for frame in whole] == [
        (frame.pts, frame.duration) for frame in frames
    ]
    assert max(_combing(frame.rgb) for frame in whole) < min(_combing(f.rgb) for f in frames) / 3


def test_what_is_not_interlaced_stays_as_it_is(make) -> None:
    path = make(interlaced=False)
    with VideoSource(path) as source:
        frames = list(source)
        assert source.notes == []
    with VideoSource(path, options=SourceOptions(deinterlace=True)) as source:
        assert all(
            np.array_equal(a.rgb, b.rgb) and a.pts == b.pts
            for a, b in zip(source, frames, strict=True)
        )
        assert source.conversions == source.notes == []


def test_nobody_begins_in_the_middle_of_what_is_deinterlaced(make) -> None:
    with SeekingSource(make(interlaced=True), options=SourceOptions(deinterlace=True)) as source:
        assert not source.seek(1024, 2)


@pytest.mark.parametrize(("option", "first"), [("tff=1", "top"), ("bff=1", "bottom")])
def test_the_order_of_fields_is_kept_in_words(make_clip, option, first) -> None:
    path = make_clip("a.mkv", size=(64, 64), options={"preset": "ultrafast", "x264-params": option})
    source, _ = read(path)
    assert source.conversions == [f"frames hold two fields, the {first} one first"]
    source, _ = read(path, options=SourceOptions(deinterlace=True))
    assert source.conversions == ["whole pictures were made of interlaced fields"]
