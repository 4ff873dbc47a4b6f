"""Starts commands to be ended by signals: copies of a process that has loaded everything, or new
processes.  POSIX only.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tools.bench.results import ROOT

PATIENCE = 300  # seconds for anything


def serve() -> None:
    """Load everything, then for every line of standard input, a JSON list of arguments and a
    folder, run the command line in a copy of this process; answer with its number, and when it has
    ended with its status and the seconds it lived.
    """
    import videocodec.decoder.api
    import videocodec.encoder.api
    import videocodec.media.sinks
    import videocodec.models.loading
    import videocodec.models.runtime  # noqa: F401
    from videocodec.__main__ import main

    listen()
    print("ready", flush=True)
    for line in sys.stdin:
        arguments, folder, errors = json.loads(line)
        child = os.fork()
        if child == 0:
            os.setsid()
            answer = os.dup(1)
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 0)
            os.dup2(null, 1)
            os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
            os.chdir(folder)
            sys.argv = ["videocodec", *arguments]
            os.write(answer, f"{os.getpid()}\n".encode())
            os.close(answer)
            main()
        begin = time.monotonic()
        _, status = os.waitpid(child, 0)
        print(
            json.dumps(
                [os.waitstatus_to_exitcode(status), time.monotonic(), time.monotonic() - begin]
            ),
            flush=True,
        )


def listen() -> None:
    """To signals, also where a shell started this in the background and had them ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class _Server:
    """The process that has loaded everything.  Raises ``RuntimeError`` if it cannot be started."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from tools.bench.fault_commands import serve; serve()"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_environment(),
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._orders, self._answers = self._process.stdin, self._process.stdout
        if self.answer() != "ready\n":
            raise RuntimeError("the process that runs commands could not be started")

    def answer(self) -> str:
        """The next line it says."""
        return self._answers.readline()

    def asked(self, order: object) -> str:
        """The answer to an order, a JSON value."""
        self._orders.write(json.dumps(order) + "\n")
        self._orders.flush()
        return self.answer()

    def close(self) -> None:
        """End it."""
        self._orders.close()
        self._process.wait(PATIENCE)


class Starter:
    """Starts commands: copies of a process that has loaded everything, or new processes."""

    def __init__(self, cold: bool) -> None:
        self._cold = cold
        self._server: _Server | None = None
        if not cold:
            self._server = _Server()

    def start(self, arguments: list[str], folder: Path, errors: Path) -> int:
        """Start a command in a session of its own → its process."""
        if self._server is None:
            with errors.open("wb") as file:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "videocodec", *arguments],
                    cwd=folder,
                    env=_environment(),
                    start_new_session=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=file,
                    preexec_fn=listen,
                )
            self._begin = time.monotonic()
            return self._process.pid
        return int(self._server.asked([arguments, str(folder), str(errors)]))

    def ended(self) -> tuple[int, float, float]:
        """Wait for it → status (negative: a signal's number), the time it ended, the seconds it
        lived.
        """
        if self._server is None:
            status = self._process.wait(PATIENCE)
            return status, time.monotonic(), time.monotonic() - self._begin
        status, end, seconds = json.loads(self._server.answer())
        return int(status), float(end), float(seconds)

    def close(self) -> None:
        """End the process that was made ready."""
        if self._server is not None:
            self._server.close()


def _environment() -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    }
