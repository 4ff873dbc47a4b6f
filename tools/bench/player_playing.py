"""How many frames a player puts on the screen while it plays: the page in a browser, and the player
in a terminal of a given size.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Page

from tools.bench.markdown import Table
from tools.bench.player_page import ROOT

# From the key press until the page says that it has stopped: numbers and times (ms since the key)
# of the frames that were drawn, and what the page itself counts as left out.
_PLAY = """async (most) => {
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: " ", bubbles: true }));
  const begun = performance.now();
  const drawn = [];
  const stopped = () => !document.body.classList.contains("playing");
  const watch = new MutationObserver(() => {
    if (!stopped()) drawn.push([Number(document.body.dataset.shown), performance.now() - begun]);
  });
  watch.observe(document.body, { attributes: true, attributeFilter: ["data-shown"] });
  const rest = () => new Promise((over) => setTimeout(over, 200));
  while (!stopped() && performance.now() - begun < most) await rest();
  watch.disconnect();
  return drawn;
}"""
_STATUS = re.compile(rb"\x1b\[0;7m(\d+)/(\d+)  ([0-9.]+) s  (?!decoding)[^\x1b]*?(playing|paused)")
_LONGEST = 600  # seconds of playing
_READ_BYTES = 1 << 16
_LONGEST_STATUS = 1024  # bytes


@dataclass
class Played:
    """What was on the screen: numbers of frames with the seconds at which they came, in order;
    written: bytes that a terminal was sent.
    """

    frames: list[tuple[int, float]] = field(default_factory=list)
    written: int = 0

    def row(self, name: str, count: int) -> tuple[str | int | float, ...]:
        """Of ``playing_table``; count: frames of the clip."""
        numbers, times = zip(*self.frames, strict=True)
        pauses = [after - before for before, after in pairwise(times)]
        shown, rate = len(set(numbers)), (len(times) - 1) / (times[-1] - times[0])
        sent = self.written / len(times) / 1000
        return name, count, shown, count - shown, rate, 1000 * max(pauses), sent


def playing_table() -> Table:
    """A row for each player."""
    return Table(
        ["playing", "frames", "shown", "left out", "frames/s", "longest wait ms", "kB a frame"],
        ["{}", "{}", "{}", "{}", "{:.1f}", "{:.0f}", "{:.1f}"],
    )


def played_in_page(page: Page) -> Played:
    """Play a clip of which the first frame is on the screen, once through."""
    drawn = page.evaluate(_PLAY, 1000 * _LONGEST)
    first = int(page.locator("#track").get_attribute("aria-valuemin") or 0)
    return Played([(first, 0.0)] + [(int(index), ms / 1000) for index, ms in drawn])


def played_in_terminal(clip: Path, size: tuple[int, int], options: tuple[str, ...]) -> Played:
    """Play a clip once through in a terminal of so many columns and rows and of 24-bit colours,
    which takes what it is sent at once.
    """
    columns, rows = size
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    command = [sys.executable, "-m", "videocodec", "play", str(clip), "--terminal", *options]
    environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    player = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment
    )
    os.close(theirs)
    try:
        return _watched(ours)
    finally:
        os.write(ours, b"q")
        _drain_until_ended(ours, player)
        os.close(ours)


def _watched(terminal: int) -> Played:
    """Press the space bar when the first frame is there, and note frames until the last."""
    played, text, playing = Played(), b"", False
    begun = time.monotonic()
    while time.monotonic() - begun < _LONGEST:
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        data = os.read(terminal, _READ_BYTES)
        played.written += len(data) if playing else 0
        text += data
        seen = 0
        for match in _STATUS.finditer(text):
            number, last, seen = int(match[1]), int(match[2]), match.end()
            if not playing:
                os.write(terminal, b" ")
                playing = True
            if not played.frames or played.frames[-1][0] != number:
                played.frames.append((number, time.monotonic()))
            if number == last:
                return played
        # what may be half a line of the status goes on with the next bytes
        text = text[max(seen, len(text) - _LONGEST_STATUS) :]
    raise SystemExit("the player in the terminal did not come to its end")


def _drain_until_ended(terminal: int, player: subprocess.Popen[bytes]) -> None:
    while player.poll() is None:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                os.read(terminal, _READ_BYTES)
            except OSError:  # the other end has been closed
                player.wait()
