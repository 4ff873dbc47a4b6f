"""The player's protocol through a real socket: exact pictures, honest figures, and errors that are
one line.
"""

from __future__ import annotations

import base64
import io
import json
import random
import socket
import threading
import time
import wave
from urllib.parse import quote

import cv2
import numpy as np
import pytest

from videocodec import decode_frames
from videocodec.decoder.latents import LatentStream
from videocodec.errors import PlayerError
from videocodec.media.source import VideoSource
from videocodec.player import server as server_module
from videocodec.provenance import provenance_map

HEIGHT, WIDTH, FRAMES = 64, 96, 22


def picture(body: bytes) -> np.ndarray:
    """(H, W, 3) of the bytes of a picture."""
    rgba = np.frombuffer(body, np.uint8).reshape(HEIGHT, WIDTH, 4)
    assert (rgba[..., 3] == 255).all()
    return rgba[..., :3]


def unpacked(text: str, kind: str, *shape: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind).reshape(shape)


@pytest.fixture(scope="module")
def decoded(coded_movie) -> list[np.ndarray]:
    """The pictures of ``videocodec.decode_frames``, (H, W, 3)."""
    return [
        frame.data.transpose(1, 2, 0)
        for frame in decode_frames(coded_movie.coded, device="cpu", threads=1)
    ]


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
        with pytest.raises(
            PlayerError,
            match=rf"port {player.port} cannot be used \(.+\): name another one with --port",
        ):
            with play(coded_movie.coded, port=player.port):
                pass


class TestSound:
    def test_it_is_a_wave_file_of_the_whole_sound(self, player) -> None:
        answer = player.get("/api/sound")
        assert (
            answer.status == 200
            and answer.headers["content-type"] == "audio/wav"
            and answer.headers["accept-ranges"] == "bytes"
        )
        with wave.open(io.BytesIO(answer.body)) as sound:
            assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (
                48000,
                2,
                2,
            )
            assert sound.getnframes() / 48000 == pytest.approx(0.9, abs=0.05)
            assert np.frombuffer(sound.readframes(48000), "<i2").std() > 300

    @pytest.mark.parametrize(
        "asked, first, last",
        [
            ("bytes=0-0", 0, 0),
            ("bytes=100-199", 100, 199),
            ("bytes=44-", 44, None),
            ("bytes=-100", -100, None),
        ],
    )
    def test_parts_of_it(self, player, asked, first, last) -> None:
        whole = player.get("/api/sound").body
        answer = player.get("/api/sound", Range=asked)
        assert answer.status == 206
        assert answer.body == (whole[first : last + 1] if last is not None else whole[first:])
        begin = first % len(whole)
        assert (
            answer.headers["content-range"]
            == f"bytes {begin}-{begin + len(answer.body) - 1}/{len(whole)}"
        )

    @pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=5-2", "lines=1-2", "bytes=a-b"])
    def test_parts_that_there_are_not(self, player, asked) -> None:
        assert player.get("/api/sound", Range=asked).status in (200, 400, 416)

    def test_a_clip_without_sound(self, play, generated_movie) -> None:
        with play(generated_movie) as silent:
            assert silent.get("/api/clip").json["sound"] is False
            assert silent.get("/api/sound").status == 404


def read_events(player, enough, seconds: float = 60) -> list[dict]:
    """Messages of the event stream until ``enough(messages)``."""
    messages: list[dict] = []
    with socket.create_connection(("127.0.0.1", player.port), timeout=seconds) as connection:
        connection.sendall(
            f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{player.port}\r\nCookie:"
            f" {player.cookie}\r\n\r\n".encode()
        )
        for line in connection.makefile("rb"):
            if line.startswith(b"data: "):
                messages += json.loads(line[6:])
                if enough(messages):
                    break
    return messages


def test_bytes_and_quality_of_all_frames_become_known_by_themselves(
    play, coded_movie, decoded
) -> None:
    with play(coded_movie.coded, coded_movie.movie) as fresh:
        messages = read_events(
            fresh, lambda found: sum("quality" in message for message in found) == FRAMES
        )
    sizes = dict(message["bytes"] for message in messages if "bytes" in message)
    assert sorted(sizes) == list(range(FRAMES)) and min(sizes.values()) >= 0
    quality = {
        message["quality"][0]: message["quality"][1:]
        for message in messages
        if "quality" in message
    }
    with VideoSource(coded_movie.movie) as source:
        for index, original in enumerate(source):
            error = np.mean((decoded[index].astype(float) - original.rgb) ** 2)
            assert quality[index][0] == pytest.approx(10 * np.log10(255**2 / error), abs=0.01)
            assert 0.2 < quality[index][1] < 1


class TestDamage:
    @pytest.fixture
    def broken(self, rewrite, coded_movie):
        """The access unit after the first keyframe has a flipped bit."""
        return rewrite(
            coded_movie.coded,
            lambda index, data: (
                data if index != 1 else data[:-9] + bytes([data[-9] ^ 16]) + data[-8:]
            ),
        )

    def test_lost_frames_say_so_and_the_others_are_there(self, play, broken, decoded) -> None:
        with play(broken) as damaged:
            units = damaged.get("/api/clip").json["units"]
            assert units[0]["damaged"] is None and "checksum" in units[1]["damaged"]
            for index in range(1, 10):
                for what in ("", "/details", "/bits", "/png"):
                    answer = damaged.get(f"/api/frame/{index}{what}")
                    assert (
                        answer.status == 410
                        and answer.json["damaged"] is True
                        and "cannot be decoded" in answer.json["error"]
                    )
                assert damaged.get(f"/api/thumbnail/{index}").status == 410
            for index in (0, 10, 15, 21):
                assert np.array_equal(
                    picture(damaged.get(f"/api/frame/{index}").body), decoded[index]
                )

    def test_pages_are_told_of_damage(self, play, broken) -> None:
        with play(broken) as damaged:
            messages = read_events(
                damaged, lambda found: any("damaged" in message for message in found)
            )
        first, count, reason = next(
            message["damaged"] for message in messages if "damaged" in message
        )
        assert first == 1 and count >= 1 and "checksum" in reason


class TestEnding:
    def test_it_ends_when_the_last_page_has_gone(self, coded_movie, monkeypatch, play) -> None:
        monkeypatch.setattr(server_module, "CLOSED_SECONDS", 0.2)
        with play(coded_movie.coded) as closing:
            read_events(closing, bool)
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                try:
                    closing.get("/api/clip")
                except OSError:
                    break
                time.sleep(0.1)
            else:
                pytest.fail("the server goes on")

    def test_a_page_that_is_loaded_again_keeps_it(self, coded_movie, play) -> None:
        with play(coded_movie.coded) as reloading:
            for _ in range(3):
                read_events(reloading, bool)
                assert reloading.get("/api/clip").status == 200

    def test_open_pages_are_told_and_threads_end(self, coded_movie, play) -> None:
        before = {thread.name for thread in threading.enumerate()}
        heard: list[bytes] = []
        with play(coded_movie.coded, coded_movie.movie) as ending:
            connection = socket.create_connection(("127.0.0.1", ending.port), timeout=60)
            connection.sendall(
                f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{ending.port}\r\nCookie:"
                f" {ending.cookie}\r\n\r\n".encode()
            )
            assert connection.recv(100)
        with connection:
            heard += iter(lambda: connection.recv(65536), b"")
        assert b"event: end" in b"".join(heard)
        left = {thread.name for thread in threading.enumerate()} - before
        assert not any(name.startswith(("player", "videocodec", "AnyIO")) for name in left), left
