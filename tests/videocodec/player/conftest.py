"""A player that serves a small movie with sound and its original, and a real client for it."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from videocodec import decode_frames
from videocodec.media.source import VideoSource
from videocodec.player.opening import DecodingOptions, opened_files
from videocodec.player.played import PlayedFile, Settings
from videocodec.player.server import PlayerServer

from .browser_page import Page

HEIGHT, WIDTH, FRAMES = 64, 96, 22  # of the movie that is played


@dataclass
class Answer:
    """What the server said."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)


class Player:
    """A running player; requests go through a real socket, with paths and headers exactly as
    given.
    """

    def __init__(self, server: PlayerServer, files: list[PlayedFile]) -> None:
        self.server, self.files, self.port = server, files, server.port
        self.stream = files[0]
        self.token = server.address.partition("token=")[2]
        self.ended = threading.Event()
        self.cookie = f"videocodec_play_{server.port}={self.token}"

    def get(
        self,
        path: str,
        *,
        method: str = "GET",
        cookie: bool = True,
        host: str | None = None,
        **headers: str,
    ) -> Answer:
        """One request.

        Underscores in the names of headers are hyphens; host None: the server's own, "": none at
        all.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            if host != "":
                connection.putheader("Host", host or f"127.0.0.1:{self.port}")
            if cookie:
                connection.putheader("Cookie", self.cookie)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()


@contextmanager
def running(
    coded: Path,
    original: Path | None = None,
    *,
    others: Sequence[Path] = (),
    model: Path | None = None,
    **settings: object,
) -> Iterator[Player]:
    """A player in a thread of its own; others: files beside ``coded``."""
    options = DecodingOptions(model=model, device="cpu", threads=1, conceal=False)
    with opened_files([coded, *others], Settings(), options, source=original) as files:
        server, ready = PlayerServer(files, **settings), threading.Event()
        player = Player(server, files)

        def run() -> None:
            server.run(ready.set)
            player.ended.set()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            assert ready.wait(30)
            yield player
        finally:
            server.stop()
            thread.join(30)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def play() -> Callable[..., Iterator[Player]]:
    """play(coded, original=None, others=(), model=None, **settings of PlayerServer) → a context
    with a running player.
    """
    return running


@pytest.fixture(scope="module")
def player(coded_movie) -> Iterator[Player]:
    """A player of the coded movie beside its original."""
    with running(coded_movie.coded, coded_movie.movie, keep_open=True) as started:
        yield started


@pytest.fixture
def open_page(browser, request) -> Iterator[Callable[..., Page]]:
    """open_page(player, **context) → a page, of which at the end nothing may have been wrong."""
    opened: list[Page] = []

    def open_one(player: object, **context: object) -> Page:
        opened.append(Page(browser, player, **context))
        return opened[-1]

    yield open_one
    for page in opened:
        page.context.close()
        assert page.wrong == []


def picture(body: bytes) -> np.ndarray:
    """(H, W, 3) of the bytes of a picture."""
    rgba = np.frombuffer(body, np.uint8).reshape(HEIGHT, WIDTH, 4)
    assert (rgba[..., 3] == 255).all()
    return rgba[..., :3]


@pytest.fixture(scope="module")
def decoded(coded_movie) -> list[np.ndarray]:
    """The pictures of ``videocodec.decode_frames``, (H, W, 3)."""
    return [
        frame.data.transpose(1, 2, 0)
        for frame in decode_frames(coded_movie.coded, device="cpu", threads=1)
    ]


@pytest.fixture(scope="module")
def originals(coded_movie) -> list[np.ndarray]:
    """The pictures of the movie that was encoded, (H, W, 3)."""
    with VideoSource(coded_movie.movie) as source:
        return [frame.rgb for frame in source]
