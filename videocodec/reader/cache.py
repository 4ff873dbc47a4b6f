"""What was decoded, kept under one limit of memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from enum import Enum
from typing import Any

from ..checks import check_number


class Kind(Enum):
    """What is kept, and the share of the memory that no other kind takes from it."""

    STATE = 0.2  # of the entropy decoder at the borders of access units: small, and they save most
    LATENTS = 0.3
    PICTURE = 0.5


class Cache:
    """Values by kind and key, the least recently used of them dropped when together they have more
    bytes than the limit.

    A kind may take what the others leave unused; when memory ends, the kind furthest above its
    share gives something back.  Bytes are those that callers state.  Any number of threads may use
    it.
    """

    def __init__(self, limit: int) -> None:
        check_number("memory_limit", limit, 0)
        self.limit = limit
        self._entries: dict[Kind, OrderedDict[Hashable, tuple[object, int]]] = {
            kind: OrderedDict() for kind in Kind
        }
        self._bytes = dict.fromkeys(Kind, 0)
        self._peak = 0
        self._lock = threading.Lock()

    def get(self, kind: Kind, key: Hashable) -> Any:
        """The value that was put there, which now is the last to be dropped; None if there is
        none.
        """
        with self._lock:
            entry = self._entries[kind].get(key)
            if entry is None:
                return None
            self._entries[kind].move_to_end(key)
            return entry[0]

    def has(self, kind: Kind, key: Hashable) -> bool:
        """Whether it is there; it gets no younger by that."""
        with self._lock:
            return key in self._entries[kind]

    def put(self, kind: Kind, key: Hashable, value: object, size: int) -> None:
        """Keep a value of ``size`` bytes, if the limit lets it."""
        with self._lock:
            if size > self.limit:
                return
            self._drop(kind, key)
            while self.used + size > self.limit:
                self._drop_oldest(kind, size)
            self._entries[kind][key] = value, size
            self._bytes[kind] += size
            self._peak = max(self._peak, self.used)

    def drop(self, kind: Kind, key: Hashable) -> None:
        """Keep a value no longer, if it is there."""
        with self._lock:
            self._drop(kind, key)

    def room_for(self, kind: Kind, size: int) -> bool:
        """Whether a value can be kept without dropping any of its own kind."""
        with self._lock:
            return (
                self._bytes[kind] + size <= kind.value * self.limit
                or self.used + size <= self.limit
            )

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            for kind in Kind:
                self._entries[kind].clear()
                self._bytes[kind] = 0

    @property
    def used(self) -> int:
        """Bytes of all that is kept."""
        return sum(self._bytes.values())

    @property
    def peak(self) -> int:
        """Most bytes that were ever kept."""
        return self._peak

    def _drop_oldest(self, coming: Kind, size: int) -> None:
        over = {
            kind: self._bytes[kind] + (size if kind == coming else 0) - kind.value * self.limit
            for kind in Kind
            if self._bytes[kind]
        }
        kind = max(over, key=over.__getitem__)
        self._drop(kind, next(iter(self._entries[kind])))

    def _drop(self, kind: Kind, key: Hashable) -> None:
        entry = self._entries[kind].pop(key, None)
        if entry is not None:
            self._bytes[kind] -= entry[1]
