"""The player's protocol through a real socket: exact pictures, honest figures, and errors that are
one line.
"""

from __future__ import annotations

import base64
import random
import threading
from urllib.parse import quote

import cv2
import numpy as np
import pytest

from videocodec import VideoReader
from videocodec.decoder.latents import LatentStream
from videocodec.errors import PlayerError
from videocodec.media.source import VideoSource
from videocodec.provenance import provenance_map

from .conftest import FRAMES, HEIGHT, WIDTH, picture


def unpacked(text: str, kind: str, *shape: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind).reshape(shape)


@pytest.fixture(scope="module")
def latents(coded_movie) -> list:
    return list(LatentStream(coded_movie.coded).frames())


def test_the_clip_is_described(player, latents) -> None:
    told = player.get("/api/clip").json
    assert (told["width"], told["height"], told["frames"], told["frame_rate"]) == (
        WIDTH,
        HEIGHT,
        FRAMES,
        25,
    )
    assert told["times"] == pytest.approx([index / 25 for index in range(FRAMES)])
    assert told["durations"] == pytest.approx([1 / 25] * FRAMES)
    assert [unit["first"] for unit in told["units"] if unit["keyframe"]] == [0, 10, 20]
    assert sum(unit["count"] for unit in told["units"]) == FRAMES
    assert sum(unit["bytes"] for unit in told["units"]) == told["video_bytes"]
    assert all(unit["damaged"] is None for unit in told["units"])
    assert told["sound"] is True and told["original"] == "pan.mp4" and told["has_unet"] is False
    assert "/" not in told["name"]


def test_pictures_are_the_decoders_own_in_any_order(player, decoded) -> None:
    order = list(range(FRAMES)) * 2
    random.Random(5).shuffle(order)
    for index in order:
        assert np.array_equal(picture(player.get(f"/api/frame/{index}").body), decoded[index])


@pytest.mark.parametrize(("first", "count", "come"), [(0, 1, 1), (8, 4, 4), (FRAMES - 3, 8, 3)])
def test_pictures_in_a_row_come_at_once(player, decoded, first: int, count: int, come: int) -> None:
    body = player.get(f"/api/frame/{first}?count={count}").body
    size = WIDTH * HEIGHT * 4
    assert len(body) == come * size
    for place in range(come):
        shown = picture(body[place * size : (place + 1) * size])
        assert np.array_equal(shown, decoded[first + place])


def test_pictures_between_frames_are_the_readers_own(player, coded_movie) -> None:
    with VideoReader(coded_movie.coded, device="cpu", threads=1) as video:
        for index, part, parts in ((3, 1, 2), (4, 3, 4)):
            made = video.at_time((index + part / parts) / 25, interpolate=True)
            answer = player.get(f"/api/frame/{index}/between?part={part}&parts={parts}")
            assert np.array_equal(picture(answer.body), made.data.transpose(1, 2, 0))


@pytest.mark.parametrize("index", [9, FRAMES - 1])
def test_before_a_keyframe_and_after_the_last_frame_nothing_is_made(player, index: int) -> None:
    answer = player.get(f"/api/frame/{index}/between?part=1&parts=2")
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize(
    "query", ["", "?part=1", "?part=0&parts=2", "?part=2&parts=2", "?part=1&parts=17", "?part=x"]
)
def test_a_place_between_frames_is_checked(player, query: str) -> None:
    answer = player.get(f"/api/frame/3/between{query}")
    assert answer.status == 400 and "part" in answer.json["error"]


def test_many_clients_at_once_get_their_own_frames(player, decoded) -> None:
    wrong: list[int] = []

    def ask(seed: int) -> None:
        for index in random.Random(seed).choices(range(FRAMES), k=12):
            if not np.array_equal(picture(player.get(f"/api/frame/{index}").body), decoded[index]):
                wrong.append(index)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_saved_picture_is_exact_and_says_what_it_is(player, decoded) -> None:
    answer = player.get("/api/frame/12/png")
    assert answer.headers["content-type"] == "image/png"
    assert np.array_equal(
        cv2.cvtColor(
            cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
        ),
        decoded[12],
    )
    assert b"tEXtComment" in answer.body[:100] and b"embedded" in answer.body[:400]


def test_details_are_those_of_the_stream(player, latents) -> None:
    for index in (0, 3, 10, 21):
        told, frame = player.get(f"/api/frame/{index}/details").json, latents[index]
        fields = frame.latent.fields
        grid = fields.modes.shape
        assert (
            told["kind"] == frame.kind
            and told["bytes"] == round(frame.byte_share)
            and told["quantiser"] == frame.latent.quantiser
        )
        assert tuple(told["references"]) == frame.references and tuple(told["grid"]) == grid
        assert told["block"] * grid[1] >= WIDTH
        assert np.array_equal(unpacked(told["modes"], "u1", *grid), fields.modes)
        assert np.array_equal(unpacked(told["directions"], "u1", *grid), fields.directions)
        assert np.array_equal(unpacked(told["sides"], "u1", *grid), fields.sides)
        assert np.array_equal(unpacked(told["vectors"], "<i2", 2, *grid, 2), fields.vectors)
        assert np.array_equal(
            unpacked(told["quantisers"], "u1", *told["latent"]), frame.quantiser_map
        )
        assert np.array_equal(
            unpacked(told["provenance"], "u1", *told["covering"]),
            provenance_map(fields.modes, LatentStream(player.stream.path).header),
        )


def test_bits_add_up_to_the_frames(player, latents) -> None:
    for index in (15, 2, 0, 21, 9):
        bits = unpacked(
            player.get(f"/api/frame/{index}/bits").json["bits"],
            "<f4",
            *latents[index].quantiser_map.shape,
        )
        assert bits.sum() == pytest.approx(
            latents[index].latent.block_bits + latents[index].latent.level_bits, rel=1e-5
        )


def test_originals_are_the_frames_of_the_source(player, coded_movie) -> None:
    with VideoSource(coded_movie.movie) as source:
        originals = [frame.rgb for frame in source]
    for index in (20, 3, 4, 0, 21):
        assert np.array_equal(picture(player.get(f"/api/original/{index}").body), originals[index])


def test_thumbnails_are_small_pictures_of_the_frame(player, decoded) -> None:
    small = cv2.cvtColor(
        cv2.imdecode(
            np.frombuffer(player.get("/api/thumbnail/7").body, np.uint8), cv2.IMREAD_COLOR
        ),
        cv2.COLOR_BGR2RGB,
    )
    assert small.shape[:2] == (HEIGHT, WIDTH)  # no larger than the picture
    assert (
        np.abs(small.astype(int) - decoded[7]).mean()
        < 12
        < np.abs(small.astype(int) - decoded[21]).mean()
    )


class TestRefusals:
    @pytest.mark.parametrize(
        "index",
        ["22", "99999", "-1", "1.5", "1e1", "x", "", "0x1", "9" * 40, "9" * 5000, "%31%32%33"],
    )
    @pytest.mark.parametrize(
        "what",
        [
            "frame/{}",
            "frame/{}/details",
            "frame/{}/bits",
            "frame/{}/png",
            "original/{}",
            "thumbnail/{}",
        ],
    )
    def test_a_frame_that_there_is_not(self, player, what, index) -> None:
        answer = player.get(f"/api/{what.format(index)}")
        assert answer.status == 404 and set(answer.json) == {"error"} and len(answer.body) < 200

    def test_the_message_states_the_range(self, player) -> None:
        assert (
            player.get("/api/frame/22").json["error"]
            == "frame 22 is out of range: the clip has frames 0 to 21"
        )

    @pytest.mark.parametrize(
        "query",
        [
            "restore=2",
            "restore=",
            "restore=yes",
            "steps=0",
            "steps=51",
            "steps=-1",
            "steps=x",
            "steps=1.5",
            "steps=²",
            "steps=99999999",
            "count=0",
            "count=9",
            "count=x",
        ],
    )
    def test_settings_that_there_are_not(self, player, query) -> None:
        answer = player.get(f"/api/frame/0?{quote(query, safe='=')}")
        assert answer.status == 400 and "must be" in answer.json["error"]

    def test_a_mistake_of_the_players_own_is_one_line(self, player, monkeypatch) -> None:
        monkeypatch.setattr(player.stream, "details", lambda index: 1 / 0)
        answer = player.get("/api/frame/0/details")
        assert answer.status == 500 and answer.json == {
            "error": "a mistake in the player: ZeroDivisionError: division by zero"
        }

    def test_without_an_original_there_is_nothing_to_compare_with(self, play, coded_movie) -> None:
        with play(coded_movie.coded) as alone:
            assert alone.get("/api/clip").json["original"] is None
            assert alone.get("/api/original/0").status == 404

    def test_a_taken_port_is_an_error_that_says_what_to_do(self, play, coded_movie, player) -> None:
        with (
            pytest.raises(
                PlayerError,
                match=rf"port {player.port} cannot be used \(.+\): name another one with --port",
            ),
            play(coded_movie.coded, port=player.port),
            play(coded_movie.coded, port=player.port),
        ):
            pass
