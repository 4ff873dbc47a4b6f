"""Measures of single frames are those of the ladder, worked out when they are asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from videocodec.ladder.metrics import Pair
from videocodec.ladder.metrics.ssimulacra2 import Ssimulacra2Metric
from videocodec.ladder.metrics.vmaf import Vmaf
from videocodec.media.colour import YuvWriter
from videocodec.player import measures as module
from videocodec.player.measures import Measures
from videocodec.player.original import OriginalFrames
from videocodec.player.played import Settings
from videocodec.player.video import PlayedVideo
from videocodec.player.video_frames import VideoFrames

COUNT = 9


@pytest.fixture(scope="module")
def file(panned, write_movie, tmp_path_factory):
    """A video beside an original that moves otherwise, and is two frames shorter."""
    folder = tmp_path_factory.mktemp("measures")
    frames = panned(COUNT, 64, 96, (1, 2))
    generator = np.random.default_rng(3)
    noisy = [
        np.clip(frame + generator.normal(0, 4 + 3 * index, frame.shape), 0, 255).astype(np.uint8)
        for index, frame in enumerate(frames)
    ]
    played = PlayedVideo(write_movie(folder / "noisy.mp4", noisy), Settings())
    original = VideoFrames(write_movie(folder / "clean.mp4", frames[:-2]))
    played.original = OriginalFrames(original, played.width, played.height, played.times)
    yield played
    played.close()
    original.close()


@pytest.fixture(scope="module")
def pair(file, tmp_path_factory) -> Pair:
    """The whole of both, as a ladder has them."""
    folder = tmp_path_factory.mktemp("pair")
    clip = module.clip_of(file, COUNT - 2)
    write = YuvWriter(clip.colour, "yuv420p")
    both = [
        np.stack([write(picture(index)).to_ndarray() for index in range(COUNT - 2)])
        for picture in (file.original_rgb, lambda index: file.rgb(index, Settings()))
    ]
    paths: list[Path] = [folder / "reference.yuv", folder / "distorted.yuv"]
    for path, planes in zip(paths, both, strict=True):
        path.write_bytes(planes.tobytes())
    return Pair(clip, *both, *paths)


def test_vmaf_of_a_frame_is_that_of_the_whole_video(file, pair) -> None:
    series, measures = Vmaf({}).measure(pair)["vmaf"], Measures(file)
    assert max(series) - min(series) > 5
    for index in (0, 1, 4):
        assert measures.of("vmaf", index) == pytest.approx(series[index], abs=1e-3)


def test_ssimulacra2_of_a_frame_is_that_of_the_ladder(file, pair) -> None:
    series, measures = Ssimulacra2Metric({}).measure(pair)["ssimulacra2"], Measures(file)
    for index in (0, 3, 6):  # the ladder takes every third
        assert measures.of("ssimulacra2", index) == pytest.approx(series[index], abs=1e-6)
    assert measures.of("ssimulacra2", 1) != measures.of("ssimulacra2", 2)


def test_a_frame_without_an_original_has_none(file) -> None:
    assert Measures(file).of("ssimulacra2", COUNT - 1) is None
    assert Measures(file).of("vmaf", COUNT - 1) is None


def test_a_frame_is_measured_once(file, monkeypatch) -> None:
    measures, calls = Measures(file), []
    measure = Ssimulacra2Metric.measure
    monkeypatch.setattr(
        Ssimulacra2Metric, "measure", lambda self, pair: calls.append(1) or measure(self, pair)
    )
    assert measures.of("ssimulacra2", 2) == measures.of("ssimulacra2", 2)
    assert calls == [1]


class TestThroughTheServer:
    def test_it_gives_the_value(self, player) -> None:
        answer = player.get("/api/frame/3/measure?name=ssimulacra2")
        assert answer.status == 200 and answer.json["name"] == "ssimulacra2"
        assert answer.json["value"] == Measures(player.stream).of("ssimulacra2", 3)

    @pytest.mark.parametrize("name", ["", "psnr", "VMAF", "../vmaf"])
    def test_a_measure_that_there_is_not(self, player, name) -> None:
        answer = player.get(f"/api/frame/3/measure?name={name}")
        assert answer.status == 400 and "ssimulacra2, vmaf" in answer.json["error"]

    def test_a_frame_that_there_is_not(self, player) -> None:
        assert player.get("/api/frame/22/measure?name=vmaf").status == 404

    def test_without_an_original(self, play, coded_movie) -> None:
        with play(coded_movie.coded) as alone:
            answer = alone.get("/api/frame/0/measure?name=vmaf")
            assert answer.status == 404 and "--source" in answer.json["error"]

    def test_what_is_missing_is_said(self, play, coded_movie, monkeypatch) -> None:
        reason = "needs the package ssimulacra2: pip install ssimulacra2"
        monkeypatch.setattr(Ssimulacra2Metric, "missing", lambda self, clip=None: reason)
        with play(coded_movie.coded, coded_movie.movie) as poor:
            answer = poor.get("/api/frame/0/measure?name=ssimulacra2")
        assert answer.status == 422 and answer.json["error"] == f"no SSIMULACRA2: {reason}"
