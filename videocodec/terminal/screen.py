"""The terminal itself: taken over for a while, and given back as it was however that ends."""

from __future__ import annotations

import os
import select
import signal
import sys
from contextlib import suppress
from types import FrameType, TracebackType

from ..errors import TerminalError
from ..signals import Ended, SignalHandler
from .keys import KeyParser

# the alternate screen, no cursor, no wrapping at the edge
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
_LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
# all that would end the program at once and leave the terminal as it is then; Ctrl-\ sends SIGQUIT
_ENDING = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGXCPU")
    if hasattr(signal, name)
)


class Screen:
    r"""The terminal that standard input and output are, as a context manager.

    Inside, keys come one by one and unechoed, and the alternate screen is shown.  Outside, all is
    as before: after an error, Ctrl-C, Ctrl-\\, SIGTERM, SIGHUP and their like (of which the program
    then dies, as it would have), and while it is stopped with Ctrl-Z.

    Raises ``TerminalError`` where there is no terminal.  columns, rows: its size in cells, always
    up to date.
    """

    def __init__(self) -> None:
        check_terminal()
        self._in, self._out = sys.stdin.fileno(), sys.stdout.fileno()
        self._keys = KeyParser()
        self._handlers: dict[int, SignalHandler] = {}
        self._wake: tuple[int, ...] = ()  # both ends of a pipe
        self._woken_before = -1
        self.resized = True

    @property
    def columns(self) -> int:
        """Cells in a row."""
        return max(1, self._size().columns)

    @property
    def rows(self) -> int:
        """Rows of cells."""
        return max(1, self._size().lines)

    def write(self, text: str) -> None:
        """Show text with its control sequences.  Raises ``OSError`` when the terminal has gone."""
        data = text.encode()
        while data:
            data = data[os.write(self._out, data) :]

    def keys(self, timeout: float) -> list[str]:
        """What was typed, waiting for it up to ``timeout`` seconds, or less when the window
        changes.  Raises ``Ended`` when input ends.
        """
        wake = self._wake[:1]
        ready, _, _ = select.select([self._in, *wake], [], [], max(0, timeout))
        for end in wake:
            if end in ready:
                os.read(end, 4096)
        if self._in not in ready:
            return []
        data = os.read(self._in, 4096)
        if not data:
            raise Ended(signal.SIGHUP)
        return self._keys.feed(data)

    def __enter__(self) -> Screen:
        import termios

        self._before = termios.tcgetattr(self._in)
        self._wake = os.pipe()
        os.set_blocking(self._wake[1], False)
        # Python runs handlers between its own instructions.  A signal that comes just before
        # ``select`` waits, or to another thread, would not be seen before the next key, but for
        # this: whatever handles it first writes a byte here.
        self._woken_before = signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        for number, handler in (
            *((number, self._end) for number in _ENDING),
            (signal.SIGWINCH, self._resize),
            (signal.SIGTSTP, self._stop),
        ):
            self._handlers[number] = signal.signal(number, handler)
        try:
            self._take()
        except BaseException:
            self._restore()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()
        if isinstance(error, Ended):
            # Whoever sent the signal should see that it was that which ended us.
            signal.signal(error.number, signal.SIG_DFL)
            os.kill(os.getpid(), error.number)

    def _take(self) -> None:
        import tty

        tty.setcbreak(self._in)  # Ctrl-C and Ctrl-Z keep their meaning
        self.write(_ENTER)
        self.resized = True

    def _give_back(self) -> None:
        import termios

        with suppress(OSError):
            self.write(_LEAVE)
        with suppress(termios.error, OSError):
            termios.tcsetattr(self._in, termios.TCSADRAIN, self._before)

    def _restore(self) -> None:
        # A second signal must not come between: what is pending is delivered to whoever handled it
        # before.
        held = signal.pthread_sigmask(signal.SIG_BLOCK, [*_ENDING, signal.SIGINT, signal.SIGTSTP])
        try:
            self._give_back()
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(self._woken_before)
            for end in self._wake:
                os.close(end)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)

    def _end(self, number: int, frame: FrameType | None) -> None:
        raise Ended(number)

    def _resize(self, number: int, frame: FrameType | None) -> None:
        self.resized = True

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._give_back()
        handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # stands still here until it is continued
        signal.signal(signal.SIGTSTP, handler)
        self._take()
        self._resize(number, frame)

    def _size(self) -> os.terminal_size:
        try:
            return os.get_terminal_size(self._out)
        except OSError:
            return os.terminal_size((80, 24))


def check_terminal() -> None:
    """Raise ``TerminalError`` where there is no terminal that can be taken over."""
    if os.name != "posix":
        raise TerminalError(
            "playing in a terminal needs Linux, macOS or another POSIX system: leave --terminal out"
        )
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise TerminalError(
            "standard input and output must both be a terminal for --terminal: run it without"
            " pipes, or use decode"
        )
