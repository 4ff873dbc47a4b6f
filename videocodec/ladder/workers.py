"""Processes of the ladder, as the runner sees them: an order in, an answer out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import Protocol

from ..errors import ProgramError
from .orders import Answer, Order


class LadderWorker(Protocol):
    """Does orders one after another, here or elsewhere."""

    def call(self, order: Order, label: str) -> None:
        """Have an order done.  Raises ``ProgramError``."""

    @property
    def is_alive(self) -> bool:
        """Whether it can take another order."""

    def close(self) -> None:
        """End it, once it is idle."""

    def kill(self) -> None:
        """End it and its programs at once."""


class Worker:
    """One process of ``videocodec.ladder.task``, in a group of its own with the programs it
    starts.
    """

    def __init__(self, threads: int) -> None:
        count = str(threads)
        environment = os.environ | {
            "OMP_NUM_THREADS": count,
            "OPENBLAS_NUM_THREADS": count,
            "SVT_LOG": "1",
        }
        # Not a pipe, which would have to be read all the while.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "videocodec.ladder.task"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment,
            start_new_session=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._orders, self._answers = self._process.stdin, self._process.stdout

    def call(self, order: Order, label: str) -> None:
        """Have an order done.  Raises ``ProgramError`` if it fails, or if the process ends."""
        with suppress(BrokenPipeError):
            self._orders.write(json.dumps(order) + "\n")
            self._orders.flush()
        if answer := self._answers.readline():
            message: Answer = json.loads(answer)
            if message["error"] is not None:
                raise ProgramError(message["error"])
            return
        status = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        raise ProgramError(
            f"{label}: the process ended with {how}" + (f": {lines[-1]}" if lines else "")
        )

    @property
    def is_alive(self) -> bool:
        """Whether it can take another order."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it, once it is idle."""
        with suppress(BrokenPipeError):
            self._orders.close()
        self._process.wait()
        self._answers.close()
        self._errors.close()

    def kill(self) -> None:
        """End it and its programs at once."""
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
