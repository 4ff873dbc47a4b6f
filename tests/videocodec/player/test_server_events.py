"""What the player tells its pages while it runs: bytes, quality, damage, and its end."""

from __future__ import annotations

import json
import socket
import threading
import time

import numpy as np
import pytest

from videocodec.media.source import VideoSource
from videocodec.player import server as server_module

from .conftest import FRAMES, picture


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
            row = damaged.get("/api/frame/0?count=4").body  # up to what is lost
            assert np.array_equal(picture(row), decoded[0])

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
