"""The reader's benchmark: streams made longer by repetition, and figures for all it promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tools.bench.reader import main, repeated
from tools.bench.results import Results
from videocodec import VideoReader, encode, verify

CPU = {"device": "cpu", "threads": 1}


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory, panned, write_movie) -> Path:
    """Twelve frames of 48×32, a keyframe every seven."""
    folder = tmp_path_factory.mktemp("bench")
    encode(
        write_movie(folder / "a.mp4", panned(12, 32, 48, (0, 1))),
        folder / "a.lv.mp4",
        gop_size=7,
        preset="superfast",
        model="embedded",
        **CPU,
    )
    return folder / "a.lv.mp4"


def test_a_repeated_stream_shows_the_same_again_later(coded: Path, tmp_path: Path) -> None:
    long = repeated(coded, 3, tmp_path / "long.lv.mp4")
    assert verify(long).ok
    with VideoReader(coded, **CPU) as short, VideoReader(long, **CPU) as video:
        assert len(video) == 36 and video.metadata.duration_seconds == pytest.approx(3 * 12 / 25)
        assert np.array_equal(video[29].data, short[5].data) and video.index.pts_seconds[
            29
        ] == pytest.approx(29 / 25)


def test_every_wait_is_measured(coded: Path, tmp_path: Path) -> None:
    options = [
        "--repeat",
        "2",
        "--jumps",
        "3",
        "--steps",
        "3",
        "--threads",
        "1",
        "--memory-limit",
        "1M",
        "--survey",
    ]
    assert main([str(coded), *options, "--results", str(tmp_path / "found.json")]) == 0
    found = Results.from_json((tmp_path / "found.json").read_text())
    figures = dict(found.tables["others"].rows)
    assert figures["clip"].startswith("24 frames of 48x32, 4 keyframes")
    assert 0 < figures["kept at most, MB"] <= figures["limit, MB"] == 1
    assert {name: count for name, count, *_ in found.tables["times"].rows} == {
        "open": 1,
        "first picture (loads networks)": 1,
        "step without read-ahead": 3,
        "frame between two frames": 9,
        "jump in a reader just opened": 3,
        "of that: latents since the keyframe": 3,
        "of that: the picture": 3,
        "jump after jump without read-ahead": 3,
        "step forward, worked ahead": 3,
        "step back, worked ahead": 3,
        "jump": 3,
    }


@pytest.mark.slow
def test_ten_minutes_stay_within_the_limit(coded: Path, tmp_path: Path) -> None:
    """15000 frames, with far less memory than they take, looked at in order and by jumps while the
    reader works ahead.
    """
    limit = 2_000_000
    long = repeated(coded, 1250, tmp_path / "long.lv.mp4")
    with VideoReader(coded, **CPU) as short, VideoReader(long, memory_limit=limit, **CPU) as video:
        assert len(video) == 15000 and video.metadata.duration_seconds == pytest.approx(600)
        for number in (
            *range(0, 15000, 75),
            *np.random.default_rng(0).integers(0, 15000, 150).tolist(),
        ):
            assert np.array_equal(video.latents[number], short.latents[number % 12])
            assert video.memory_used <= limit
        for number in (14999, 7, 8, 9, 8, 7500, 14990):
            assert np.array_equal(video[number].data, short[number % 12].data)
        assert limit / 2 < video.memory_peak <= limit
