"""Whether any page is open: a player that nobody looks at any more ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Presence:
    """Counts open pages.  To be used from one thread."""

    def __init__(self) -> None:
        self._pages = 0
        self._left: float | None = None  # when the last page went

    @contextmanager
    def page(self) -> Iterator[None]:
        """While a page is open."""
        self._pages, self._left = self._pages + 1, None
        try:
            yield
        finally:
            self._pages -= 1
            if not self._pages:
                self._left = time.monotonic()

    def gone_for(self) -> float:
        """Seconds since the last page was closed; 0 while one is open, and before the first."""
        return 0.0 if self._left is None else time.monotonic() - self._left
