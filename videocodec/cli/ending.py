"""How a command ends when somebody wants it to, by Ctrl-C, SIGTERM or closing the terminal: it
cleans up, whatever else comes meanwhile.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
from types import FrameType, TracebackType

from ..signals import Ended, SignalHandler

# who asks once more after that is heard again: a library may have swallowed the first
_CLEANING_SECONDS = 2.0
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is not on Windows


class EndingInOrder:
    """A context in which the first SIGINT raises ``KeyboardInterrupt``, the first SIGTERM or SIGHUP
    ``Ended``; those soon after it do nothing, so that cleaning up is not cut short.  ``asked`` is
    the number of the first, None before.

    Signals that are ignored from outside (nohup) stay so, and in other threads than the main one,
    which gets no signals, nothing changes.
    """

    def __init__(self) -> None:
        self.asked: int | None = None
        self._when = 0.0
        self._before: dict[int, SignalHandler] = {}

    def __enter__(self) -> EndingInOrder:
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in _NAMES if hasattr(signal, name)):
                if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                    self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.asked is not None and now - self._when < _CLEANING_SECONDS:
            return
        self.asked, self._when = self.asked or number, now
        raise KeyboardInterrupt if self.asked == signal.SIGINT else Ended(self.asked)


def end_by(number: int) -> None:
    """End this process by a signal, so that whoever sent it sees that it was that which ended
    us.
    """
    atexit._run_exitfuncs()  # a signal does not
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
