"""Any frame of an ordinary video, whatever it is coded as, by its number."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from videocodec.errors import InputError
from videocodec.media.source import VideoSource
from videocodec.player import video_frames as module
from videocodec.player.frame_table import read_table
from videocodec.player.video_frames import VideoFrames

COUNT = 40

# name of the file → encoder and its options
KINDS = {
    "plain.mp4": ("libx264", {"g": "12", "bf": "0"}),
    "reordered.mp4": ("libx264", {"g": "12", "bf": "3"}),
    "open-groups.mp4": ("libx264", {"x264-params": "keyint=10:bframes=3:open-gop=1:scenecut=0"}),
    "refresh.ts": ("libx264", {"x264-params": "keyint=10:intra-refresh=1:bframes=0"}),
    "broadcast.ts": ("mpeg2video", {"g": "8", "bf": "2"}),
    "groups.mkv": ("libx265", {"x265-params": "keyint=10:bframes=3:open-gop=1:log-level=none"}),
    "hidden.webm": ("libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16", "g": "16"}),
    "nine.webm": ("libvpx-vp9", {"auto-alt-ref": "1", "lag-in-frames": "16", "g": "16"}),
    "old.avi": ("mpeg4", {"g": "12", "bf": "2"}),
}


def written(path: Path, frames: list[np.ndarray], codec: str, options: dict[str, str]) -> Path:
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            codec, rate=25, width=width, height=height, pix_fmt="yuv420p", options=options
        )
        stream.codec_context.thread_count = 1
        for index, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def movies(panned, tmp_path_factory) -> dict[str, Path]:
    folder, frames = tmp_path_factory.mktemp("movies"), panned(COUNT, 48, 64, (1, 1))
    return {name: written(folder / name, frames, *how) for name, how in KINDS.items()}


@pytest.mark.parametrize("cache", [0, 1 << 30])
@pytest.mark.parametrize("name", KINDS)
def test_any_order_gives_the_frames_of_the_source(movies, name, cache, monkeypatch) -> None:
    monkeypatch.setattr(module, "CACHE_BYTES", cache)
    with VideoSource(movies[name]) as source:
        expected = list(source)
    frames = VideoFrames(movies[name])
    assert list(frames.table.pts) == [frame.pts for frame in expected]
    assert list(frames.table.durations[:-1]) == [frame.duration for frame in expected[:-1]]
    last = len(frames) - 1
    order = [last, 0, 1, 2, 1, 0, last // 2, last, last - 1]
    order += random.Random(1).choices(range(len(frames)), k=20)
    for index in order:
        assert np.array_equal(frames.rgb(index), expected[index].rgb), index
    frames.close()
    assert np.array_equal(frames.rgb(7), expected[7].rgb)  # it is opened again
    frames.close()


def test_a_jump_decodes_no_more_than_it_needs(movies, monkeypatch) -> None:
    monkeypatch.setattr(module, "CACHE_BYTES", 0)
    begun: list[int] = []
    begin_at = VideoFrames.begin_at
    monkeypatch.setattr(
        VideoFrames,
        "begin_at",
        lambda self, number: (begun.append(number), begin_at(self, number)),
    )
    frames = VideoFrames(movies["plain.mp4"])
    for index in (30, 31, 39, 2):
        frames.rgb(index)
    frames.close()
    assert begun == [24, 36, 0]


def test_the_table_has_bytes_and_keyframes(movies) -> None:
    table = read_table(movies["reordered.mp4"])
    assert [number for number in range(COUNT) if table.keyframes[number]] == [0, 12, 24, 36]
    with av.open(str(movies["reordered.mp4"])) as container:
        assert sum(table.sizes) == sum(packet.size for packet in container.demux(video=0))
    assert table.keyframe_before(23) == 12 and table.keyframe_before(24) == 24


def test_what_is_no_video_is_an_error(tmp_path) -> None:
    (tmp_path / "words.txt").write_text("no video at all\n" * 50)
    with pytest.raises(InputError, match="words.txt"):
        VideoFrames(tmp_path / "words.txt")
