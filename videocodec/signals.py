"""The end of the program that a signal asks for."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

# What ``signal.signal`` takes and gives.
SignalHandler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None


class Ended(BaseException):
    """A signal of that number asks the program to end; it goes past everything that catches
    errors.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return signal.Signals(self.number).name
