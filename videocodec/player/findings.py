"""What becomes known of frames while the player runs, as a list of messages that every open page
reads on its own.
"""

from __future__ import annotations

import threading


class Findings:
    """Facts on frames in the order in which they were found.  Thread safe.

    A message is a small dictionary for JSON: {"bytes": [index, bytes]}, {"quality": [index, psnr,
    ssim or None]}, {"damaged": [first, count, reason]} or {"sound": why there is none}.  The same
    fact is kept once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: list[dict[str, object]] = []
        self._known: set[tuple[str, int]] = set()

    def add_bytes(self, index: int, count: int) -> None:
        """What a frame takes of the stream."""
        self._add("bytes", index, [index, count])

    def add_quality(self, index: int, psnr: float, ssim: float | None) -> None:
        """How near a frame is to its original."""
        self._add(
            "quality", index, [index, round(psnr, 3), None if ssim is None else round(ssim, 5)]
        )

    def add_damage(self, first: int, count: int, reason: str) -> None:
        """Frames that cannot be shown."""
        self._add("damaged", first, [first, count, reason])

    def add_silence(self, reason: str) -> None:
        """The sound cannot be played."""
        self._add("sound", 0, reason)

    def has(self, kind: str, index: int) -> bool:
        """Whether this is known of that frame."""
        with self._lock:
            return (kind, index) in self._known

    def since(self, cursor: int) -> tuple[list[dict[str, object]], int]:
        """The messages from number ``cursor`` on, and the cursor for the next call."""
        with self._lock:
            return self._messages[cursor:], len(self._messages)

    def _add(self, kind: str, key: int, value: object) -> None:
        with self._lock:
            if (kind, key) not in self._known:
                self._known.add((kind, key))
                self._messages.append({kind: value})
