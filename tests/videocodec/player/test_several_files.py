"""Several files, ordinary ones among them, behind one page, through a real socket."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator

import av
import cv2
import numpy as np
import pytest

from videocodec.media.source import VideoSource

from .conftest import FRAMES, HEIGHT, WIDTH, picture
from .test_server_events import read_events


@pytest.fixture(scope="module")
def ordinary(coded_movie, write_movie, panned, tmp_path_factory):
    """A video of the size of the coded movie, with other pictures."""
    path = tmp_path_factory.mktemp("ordinary") / "other.mp4"
    return write_movie(path, panned(FRAMES, HEIGHT, WIDTH, (0, 1), seed=8))


@pytest.fixture(scope="module")
def two(coded_movie, ordinary, play) -> Iterator:
    with play(coded_movie.coded, coded_movie.movie, others=[ordinary], keep_open=True) as player:
        yield player


@pytest.fixture(scope="module")
def pictures(ordinary) -> list[np.ndarray]:
    with VideoSource(ordinary) as source:
        return [frame.rgb for frame in source]


def test_every_file_is_described(two, coded_movie) -> None:
    names = [coded_movie.coded.name, "other.mp4"]
    latent, video = (two.get(f"/api/clip?file={number}").json for number in (0, 1))
    assert [latent["name"], video["name"]] == names == latent["files"] == video["files"]
    assert latent["original"] == video["original"] == coded_movie.movie.name
    assert (latent["ordinary"], video["ordinary"]) == (False, True)
    assert (video["width"], video["height"], video["frames"], video["frame_rate"]) == (
        WIDTH,
        HEIGHT,
        FRAMES,
        25,
    )
    assert video["times"] == pytest.approx([index / 25 for index in range(FRAMES)])
    assert video["durations"] == pytest.approx([1 / 25] * FRAMES)
    assert video["codec"] == "h264" and video["overlays"] == ["provenance"]
    assert "/" not in video["name"]


def test_bytes_of_an_ordinary_file_are_those_of_its_packets(two, ordinary) -> None:
    video = two.get("/api/clip?file=1").json
    with av.open(str(ordinary)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert video["sizes"] == [packet.size for packet in sorted(packets, key=lambda each: each.pts)]
    assert video["video_bytes"] == sum(video["sizes"])
    assert sum(unit["bytes"] for unit in video["units"]) == video["video_bytes"]
    for index in (0, 1, 21):
        details = two.get(f"/api/frame/{index}/details?file=1").json
        assert details["bytes"] == video["sizes"][index]
        assert details["kind"] == ("inter" if index else "keyframe")


def test_units_of_an_ordinary_file_cover_its_frames(two) -> None:
    units = two.get("/api/clip?file=1").json["units"]
    assert [unit["number"] for unit in units] == list(range(len(units)))
    covered = [unit["first"] + place for unit in units for place in range(unit["count"])]
    assert covered == list(range(FRAMES))
    assert [unit["first"] for unit in units if unit["keyframe"]] == [0]


def test_pictures_of_both_in_any_order(two, decoded, pictures) -> None:
    order = [(file, index) for file in (0, 1) for index in range(FRAMES)]
    random.Random(2).shuffle(order)
    for file, index in order:
        shown = picture(two.get(f"/api/frame/{index}?file={file}").body)
        assert np.array_equal(shown, (decoded, pictures)[file][index])


def test_both_have_the_same_originals(two, originals) -> None:
    for file in (0, 1):
        shown = picture(two.get(f"/api/original/9?file={file}").body)
        assert np.array_equal(shown, originals[9])


def test_a_saved_picture_of_an_ordinary_file_is_exact(two, pictures) -> None:
    body = two.get("/api/frame/5/png?file=1").body
    saved = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.array_equal(saved, pictures[5])
    assert two.get("/api/thumbnail/5?file=1").headers["content-type"] == "image/jpeg"


def test_nothing_is_known_of_where_an_ordinary_file_comes_from(two) -> None:
    names = two.get("/api/clip?file=1").json["provenance_names"]
    details = two.get("/api/frame/3/details?file=1").json
    found = np.frombuffer(base64.b64decode(details["provenance"]), np.uint8)
    assert names == ["unknown"] and not found.any()
    assert found.size == details["covering"][0] * details["covering"][1] == 96
    assert "does not tell" in two.get("/api/frame/3/bits?file=1").json["error"]


def test_what_becomes_known_says_of_which_file(play, coded_movie, ordinary, pictures) -> None:
    with play(coded_movie.coded, coded_movie.movie, others=[ordinary]) as fresh:
        messages = read_events(
            fresh, lambda found: sum("quality" in message for message in found) == 2 * FRAMES
        )
    quality = {
        (message["file"], message["quality"][0]): message["quality"][1]
        for message in messages
        if "quality" in message
    }
    assert sorted(quality) == [(file, index) for file in (0, 1) for index in range(FRAMES)]
    with VideoSource(coded_movie.movie) as source:
        for index, original in enumerate(source):
            error = np.mean((pictures[index].astype(float) - original.rgb) ** 2)
            assert quality[1, index] == pytest.approx(10 * np.log10(255**2 / error), abs=0.01)


@pytest.mark.parametrize("file", ["2", "-1", "x", "", "1.0", "9999", "%C2%B2"])
def test_a_file_that_there_is_not(two, file) -> None:
    for what in ("clip", "frame/0", "frame/0/details", "original/0", "thumbnail/0"):
        answer = two.get(f"/api/{what}?file={file}")
        assert answer.status == 404 and answer.json == {"error": "files have the numbers 0 to 1"}


def test_an_ordinary_file_alone_is_played(play, ordinary, pictures) -> None:
    with play(ordinary) as alone:
        assert alone.get("/api/clip").json["original"] is None
        assert np.array_equal(picture(alone.get("/api/frame/7").body), pictures[7])
