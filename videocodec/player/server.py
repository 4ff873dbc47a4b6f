"""Serves the player's page on the loopback interface until it is closed or interrupted."""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import uvicorn

from ..errors import PlayerError
from .played import PlayedFile
from .presence import Presence
from .routes import Routes
from .security import LOOPBACK, Guard, new_token
from .sound import Sound
from .survey import Survey

CLOSED_SECONDS = 5.0  # after the last page has gone: reloading one takes less
_SHUTDOWN_SECONDS = 10  # for the picture that is being made


class _Server(uvicorn.Server):
    """uvicorn's, which looks now and then whether it should end, and which ends in order with
    Ctrl-C and SIGTERM.
    """

    def __init__(
        self, config: uvicorn.Config, ended: Callable[[], bool], on_ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ended, self._on_ready = ended, on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """From here on, signals are listened to."""
        await super().startup(sockets)
        self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """uvicorn would raise the signal once more when it has ended; but then everything has been
        done that it asked for.
        """
        self.force_exit = self.should_exit
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        if self._ended():
            self.should_exit = True
        return await super().on_tick(counter)


class PlayerServer:
    """A page for one file or several, on a port of its own.

    files: one or more; the sound is the first one's.  port: None takes a free one.  keep_open: go
    on when the last page has been closed.  Raises ``PlayerError`` for a port that is taken.
    address: what to open, with the token of this run in it.
    """

    def __init__(
        self,
        files: Sequence[PlayedFile],
        *,
        port: int | None = None,
        keep_open: bool = False,
    ) -> None:
        self._files, self._keep_open = files, keep_open
        self._presence, self._token = Presence(), new_token()
        self._socket = _listen(port)
        self.port: int = self._socket.getsockname()[1]
        self.address = f"http://{LOOPBACK}:{self.port}/?token={self._token}"
        self._server: _Server | None = None
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End ``run``, from any thread."""
        self._stopped.set()

    def run(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Serve until the last page has been closed for some seconds, ``stop``, Ctrl-C or SIGTERM.
        on_ready: called when connections are taken.
        """
        with tempfile.TemporaryDirectory(
            prefix="videocodec-play-", ignore_cleanup_errors=True
        ) as folder:
            first = self._files[0]
            sound = (
                Sound(first.path, Path(folder), first.start, first.findings.add_silence)
                if first.has_sound
                else None
            )
            survey = Survey(self._files)
            routes = Routes(self._files, sound, self._presence, self._stopping)
            config = uvicorn.Config(
                Guard(routes.app(), self._token, self.port),
                http="h11",
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            )
            self._server = _Server(config, self._ended, on_ready)
            try:
                with _terminal_closed(self._server):
                    self._server.run(sockets=[self._socket])
            finally:
                self._stopped.set()
                survey.close()
                if sound is not None:
                    sound.close()
                self._socket.close()

    def _ended(self) -> bool:
        return self._stopped.is_set() or (
            not self._keep_open and self._presence.gone_for() > CLOSED_SECONDS
        )

    def _stopping(self) -> bool:
        return self._stopped.is_set() or self._server is None or self._server.should_exit


@contextmanager
def _terminal_closed(server: _Server) -> Iterator[None]:
    """uvicorn listens to Ctrl-C and SIGTERM; SIGHUP ends the server in the same order, unless it is
    ignored (nohup).
    """
    listens = hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread()
    if not listens or signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        yield
        return
    before = signal.signal(signal.SIGHUP, server.handle_exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _listen(port: int | None) -> socket.socket:
    """A socket that already takes connections: a browser may come before the server has started."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # a port whose last player has just ended
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port or 0))
        listener.listen(64)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise PlayerError(
            f"port {port} cannot be used ({reason}): name another one with --port, or leave it out"
            " for a free one"
        ) from error
    return listener


def open_browser(address: str) -> bool:
    """Open the address in the person's browser, in the background; False where there is no screen
    to show one on.
    """
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return False  # here ``webbrowser`` would start one for terminals, in the middle of ours
    threading.Thread(
        target=webbrowser.open, args=(address,), name="player-browser", daemon=True
    ).start()
    return True
