"""The terminal as this very process has it: signals that come at the worst moment."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest

from videocodec.signals import Ended
from videocodec.terminal.screen import Screen

if os.name != "posix":
    pytest.skip("terminals of this kind are POSIX's", allow_module_level=True)

import pty


@contextmanager
def terminal() -> Iterator[int]:
    """Standard input and output are a terminal → its other end."""
    master, slave = pty.openpty()
    with (
        open(slave, "r+b", buffering=0) as ours,
        mock.patch("sys.stdin", ours),
        mock.patch("sys.stdout", ours),
    ):
        yield master
    os.close(master)


def signalled_elsewhere(number: signal.Signals, keyboard: int) -> threading.Timer:
    """To a thread that is not the one that waits, whose ``select`` is not interrupted by it; and a
    key, long after.
    """

    def send() -> None:
        signal.pthread_kill(threading.get_ident(), number)
        later.start()

    later = threading.Timer(20, os.write, (keyboard, b"x"))
    threading.Timer(0.2, send).start()
    return later


def test_a_resized_window_is_seen_before_the_next_key() -> None:
    with terminal() as keyboard, Screen() as screen:
        screen.resized = False
        later = signalled_elsewhere(signal.SIGWINCH, keyboard)
        assert screen.keys(60) == []
        later.cancel()
        assert screen.resized


def test_what_ends_it_does_so_before_the_next_key(monkeypatch: pytest.MonkeyPatch) -> None:
    died_of = []
    monkeypatch.setattr(
        "videocodec.terminal.screen.os.kill", lambda process, number: died_of.append(number)
    )
    before = signal.getsignal(signal.SIGTERM)
    with terminal() as keyboard, pytest.raises(Ended), Screen() as screen:
        later = signalled_elsewhere(signal.SIGTERM, keyboard)
        try:
            while True:
                assert screen.keys(60) == []
        finally:
            typed = later.finished.is_set()
            later.cancel()
    assert not typed
    assert died_of == [signal.SIGTERM]
    signal.signal(signal.SIGTERM, before)


def test_afterwards_signals_wake_whom_they_woke_before() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing)
    try:
        with terminal(), Screen():
            pass
        assert signal.set_wakeup_fd(writing) == writing
    finally:
        signal.set_wakeup_fd(before)
        for end in (reading, writing):
            os.close(end)
