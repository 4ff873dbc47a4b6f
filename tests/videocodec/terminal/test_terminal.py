"""The program in a terminal of its own, a pty: what it shows, and that it leaves the terminal as it
was.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from videocodec import encode
from videocodec.cli import main

if os.name != "posix":
    pytest.skip("terminals of this kind are POSIX's", allow_module_level=True)

import fcntl
import pty
import struct
import termios

ROOT = Path(__file__).resolve().parents[3]
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """A pty with ``play --terminal`` in it."""

    def __init__(self, coded: Path, columns: int = 60, rows: int = 20, **environment: str) -> None:
        self.master, self.slave = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        self.output = b""
        command = [
            sys.executable,
            "-m",
            "videocodec",
            "play",
            "--terminal",
            str(coded),
            "--device",
            "cpu",
            "--threads",
            "1",
        ]
        self.process = subprocess.Popen(
            command,
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            cwd=ROOT,
            start_new_session=True,
            env={**os.environ, "COLORTERM": "", **environment},
        )

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, pattern: bytes) -> bytes:
        """What comes up to a match; fails if it never does."""
        end = time.monotonic() + 120
        while not (match := re.search(pattern, self.output, re.DOTALL)):
            assert time.monotonic() < end, self.output[-2000:]
            if select.select([self.master], [], [], 0.2)[0]:
                self.output += os.read(self.master, 65536)
        shown, self.output = self.output[: match.end()], self.output[match.end() :]
        return shown

    def frame(self, number: int) -> bytes:
        """What comes until the status line is that of a frame that is shown."""
        return self.until(
            rb"\x1b\[\d+;1H\x1b\[0;7m%d/21  [0-9.]+ s  (keyframe|inter) .*?\x1b\[0m" % number
        )

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def finish(self) -> int:
        """Wait for its end → its status."""
        end = time.monotonic() + 120
        while self.process.poll() is None:
            assert time.monotonic() < end
            if select.select([self.master], [], [], 0.1)[0]:
                self.output += os.read(self.master, 65536)
        while select.select([self.master], [], [], 0)[0]:
            self.output += os.read(self.master, 65536)
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(coded_movie) -> Iterator[Terminal]:
    """The player with its first frame shown."""
    opened = Terminal(coded_movie.coded)
    try:
        opened.frame(0)
        yield opened
    finally:
        opened.close()


def check_restored(terminal: Terminal) -> None:
    """As ``reset`` would have it."""
    assert (
        LEAVE in terminal.output
        and b"\x1b[?25h" in terminal.output
        and b"\x1b[?7h" in terminal.output
    )
    assert terminal.output.rindex(LEAVE) > terminal.output.rfind(ENTER)
    assert termios.tcgetattr(terminal.slave) == terminal.before
    assert b"Traceback" not in terminal.output


@pytest.mark.slow
def test_keys_step_and_jump_and_the_picture_changes(terminal: Terminal) -> None:
    assert not termios.tcgetattr(terminal.slave)[3] & (termios.ECHO | termios.ICANON)
    for keys, number in (
        (b".", 1),
        (b"..", 3),
        (b",", 2),
        (b"\x1b[F", 21),
        (b"\x1b[H", 0),
        (b"\x1b[C", 21),
        (b"\x1b[1;2D", 0),
    ):
        terminal.type(keys)
        drawn = terminal.frame(number)
        assert "▀".encode() in drawn and b"38;5;" in drawn and b"38;2;" not in drawn
    terminal.type(b"l.l]")
    terminal.until(rb"1/21  0.040 s  inter  \d+ bytes  paused  1.1x  loop 0:1")
    terminal.type(b"?")
    terminal.until(rb"space play  . , step")
    terminal.type(b"?l ")
    terminal.frame(21)  # played to the end
    terminal.type(b"q")
    assert terminal.finish() == 0
    check_restored(terminal)


@pytest.mark.slow
def test_it_resizes_with_the_window(terminal: Terminal) -> None:
    terminal.resize(30, 10)
    os.kill(terminal.process.pid, signal.SIGWINCH)
    drawn = terminal.until(rb"\x1b\[10;1H\x1b\[0;7m0/21  0.000 s  keyframe[^\x1b]{0,30}\x1b\[0m")
    rows = [
        int(row)
        for row in re.findall(rb"\x1b\[(\d+);\d+H\x1b\[38", drawn[drawn.rindex(b"\x1b[2J") :])
    ]
    assert max(rows) <= 9
    terminal.type(b".")
    terminal.frame(1)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.finish() == 130
    check_restored(terminal)


@pytest.mark.slow
# SIGQUIT is Ctrl-\'s
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
def test_a_signal_ends_it_and_the_terminal_is_as_before(
    terminal: Terminal, number: signal.Signals
) -> None:
    terminal.type(b" ")  # while it plays
    terminal.process.send_signal(number)
    assert terminal.finish() == -number
    check_restored(terminal)


@pytest.mark.slow
def test_true_colours_where_the_terminal_says_so_and_damage_as_text(coded_movie, rewrite) -> None:
    damaged = rewrite(
        coded_movie.coded,
        lambda index, data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:] if index == 1 else data,
    )
    terminal = Terminal(damaged, COLORTERM="truecolor")
    try:
        assert b"38;2;" in terminal.frame(0)
        terminal.type(b".")
        terminal.until(rb"this frame cannot be decoded:.*access unit 1: it is damaged")
        terminal.until(rb"1/21  0.040 s  damaged")
        terminal.type(b"\x1b[F")
        terminal.frame(21)
        terminal.type(b"q")
        assert terminal.finish() == 0
        check_restored(terminal)
    finally:
        terminal.close()


@pytest.mark.slow
def test_ctrl_z_gives_the_terminal_back_and_takes_it_again(terminal: Terminal) -> None:
    """Without a shell above it, a process is not really stopped: it goes on at once."""
    os.kill(terminal.process.pid, signal.SIGTSTP)
    terminal.until(re.escape(LEAVE))
    terminal.until(re.escape(ENTER))
    assert "▀".encode() in terminal.frame(0)
    terminal.type(b"q")
    assert terminal.finish() == 0
    check_restored(terminal)


def test_without_a_terminal_it_is_one_line(coded_movie, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["play", "--terminal", str(coded_movie.coded)]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert captured.err.startswith(
        "videocodec: error: standard input and output must both be a terminal"
    )


@pytest.mark.slow
def test_the_words_of_a_frame_stand_behind_its_figures(
    panned: Callable[..., list], write_movie: Callable[..., Path], tmp_path: Path
) -> None:
    movie = write_movie(tmp_path / "a.mp4", panned(2, 32, 48, (1, 1)))
    words, coded = tmp_path / "words.txt", tmp_path / "a.lv.mp4"
    words.write_text("0.04 a second frame\n")
    options = {"crf": 50, "preset": "ultrafast", "device": "cpu", "model": "embedded"}
    encode(movie, coded, caption_file=words, **options)
    opened = Terminal(coded, columns=160)
    try:
        assert b"second frame" not in opened.until(rb"0/1  [0-9.]+ s  keyframe .*?\x1b\[0m")
        opened.type(b".")
        opened.until(rb"1/1  [0-9.]+ s  inter .*? keys  a second frame *\x1b\[0m")
        opened.type(b"q")
        assert opened.finish() == 0
    finally:
        opened.close()
