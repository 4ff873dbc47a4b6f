"""Damage for tests of ``info`` and ``verify``."""

from __future__ import annotations

from collections.abc import Callable


def flip(place: int) -> Callable[[bytes], bytes]:
    """One bit of the byte at ``place``."""
    return lambda data: data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]
