"""Frames on the screen of a terminal, stepped and played with mpv's keys."""

from __future__ import annotations

import os
import time

import numpy as np

from ..errors import DamagedFrameError
from ..reader.reader import VideoReader
from .clock import PlayClock
from .drawing import fit, has_true_colour, render, to_cells
from .screen import Screen

_IDLE_SECONDS = 3600.0
_JUMPS = {"right": 5.0, "left": -5.0, "shift+right": 1.0, "shift+left": -1.0}
# terminals that know these show what lies between at once
_BEGIN_UPDATE, _END_UPDATE = "\x1b[?2026h", "\x1b[?2026l"
_KEYS = "space play  . , step  \u2190 \u2192 5 s  shift 1 s  home end  [ ] speed  l loop  q quit"


class TerminalPlayer:
    """Shows a reader's frames on a screen until ``q``.

    space plays and pauses, ``.`` and ``,`` step, arrows jump 5 s and with shift 1 s, home and end
    go there, ``[`` and ``]`` change the speed by a tenth (0.1 to 4), backspace sets it back, ``l``
    sets the beginning of a loop, then its end, then lifts it, ``?`` shows the keys.
    """

    def __init__(self, video: VideoReader, screen: Screen, *, frame: int = 0) -> None:
        self._video, self._screen = video, screen
        self._clock = PlayClock(video.index.pts_seconds.tolist(), video.metadata.end_seconds, frame)
        self._true_colour = has_true_colour(os.environ)
        self._cells: np.ndarray | None = None
        self._shown: int | None = None
        self._facts = ""  # of the frame that is shown
        self._help = False

    def run(self) -> None:
        """Until ``q``.

        Raises what the reader raises, but for damaged frames, which are shown as such, and what
        ``Screen`` does.
        """
        while True:
            self._clock.advance(time.monotonic())
            self._show()
            for key in self._screen.keys(
                min(_IDLE_SECONDS, self._clock.seconds_to_next(time.monotonic()))
            ):
                if key in "qQ":
                    return
                self._press(key)

    def _press(self, key: str) -> None:
        clock, now = self._clock, time.monotonic()
        actions = {
            "space": lambda: clock.toggle(now),
            ".": lambda: clock.step(1),
            ",": lambda: clock.step(-1),
            "home": lambda: clock.seek(0, now),
            "end": lambda: clock.seek(len(self._video) - 1, now),
            "[": lambda: clock.set_speed(clock.speed / 1.1, now),
            "]": lambda: clock.set_speed(clock.speed * 1.1, now),
            "backspace": lambda: clock.set_speed(1.0, now),
            "l": clock.mark,
            "?": self._toggle_help,
        }
        if key in _JUMPS:
            clock.jump(_JUMPS[key], now)
        elif key in actions:
            actions[key]()
        if clock.frame == self._shown:
            self._status(clock.frame)

    def _toggle_help(self) -> None:
        self._help = not self._help

    def _show(self) -> None:
        """The frame that it is time for, if it is not on the screen already."""
        screen, frame = self._screen, self._clock.frame
        if screen.resized:
            screen.resized = False
            screen.write("\x1b[0m\x1b[2J")
            self._cells = self._shown = None
        if frame == self._shown:
            return
        waits = not self._video.has_picture(frame)
        if self._shown is None or waits:
            self._status(frame, "decoding ")
        try:
            picture = self._video[frame]
        except DamagedFrameError as error:
            self._cells = None
            lines = ["this frame cannot be decoded:", error.reason]
            text = "".join(
                f"\x1b[{2 + row};2H{_clean(line)[: screen.columns - 2]}"
                for row, line in enumerate(lines)
            )
            screen.write(f"{_BEGIN_UPDATE}\x1b[0m\x1b[2J{text}{_END_UPDATE}")
            facts = "damaged"
        else:
            if waits:
                self._clock.wait(time.monotonic())
            self._draw(
                np.rot90(picture.data.transpose(1, 2, 0), self._video.metadata.rotation // 90)
            )
            facts = f"{picture.kind}  {picture.bytes} bytes"
        self._shown, self._facts = frame, facts
        self._status(frame)

    def _draw(self, rgb: np.ndarray) -> None:
        screen, metadata = self._screen, self._video.metadata
        columns, rows = screen.columns, max(1, screen.rows - 1)
        aspect = float(metadata.sample_aspect_ratio) or 1.0
        height, width = rgb.shape[:2]
        wide, high = (
            (width, height * aspect) if metadata.rotation % 180 else (width * aspect, height)
        )
        across, down = fit(wide, high, columns, rows)
        cells = to_cells(rgb, across, down)
        text = render(
            cells, self._cells, (rows - down // 2) // 2, (columns - across) // 2, self._true_colour
        )
        screen.write(f"{_BEGIN_UPDATE}{text}{_END_UPDATE}")
        self._cells = cells

    def _status(self, frame: int, doing: str = "") -> None:
        """The last row: frame, time, kind and bytes, how it plays, and the words of its time."""
        screen, clock = self._screen, self._clock
        begin = self._video.index.pts_seconds[frame]
        parts = [f"{frame}/{len(self._video) - 1}", f"{begin:.3f} s", doing or self._facts]
        parts += ["playing" if clock.playing else "paused", f"{clock.speed:.2g}x"]
        if clock.loop_begin is not None:
            parts.append(
                f"loop {clock.loop_begin}:{'' if clock.loop_end is None else clock.loop_end}"
            )
        parts.append("? keys")
        if (words := self._video.metadata.caption_at(begin)) is not None:
            parts.append(words)
        line = (_KEYS if self._help else _clean("  ".join(parts)))[: screen.columns].ljust(
            screen.columns
        )
        screen.write(f"\x1b[{screen.rows};1H\x1b[0;7m{line}\x1b[0m")


def play_in_terminal(video: VideoReader, *, frame: int = 0) -> None:
    """Show a reader's frames in the terminal until the person quits.

    Raises ``TerminalError`` where there is none.
    """
    with Screen() as screen:
        TerminalPlayer(video, screen, frame=frame).run()


def _clean(text: str) -> str:
    """Without control characters, which names of files may have."""
    return "".join(character if character.isprintable() else " " for character in text)
