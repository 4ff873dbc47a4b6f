"""The finest setting whose bytes do not exceed a target."""

from __future__ import annotations

from collections.abc import Callable


def finest_within(bytes_of: Callable[[int], int], count: int, most: int) -> int | None:
    """Of ``count`` settings, coarsest first, the index of the finest that takes at most ``most``
    bytes, by bisection; None where the coarsest takes more.

    bytes_of: of a setting by its index; rises with it but for little, so that a setting a step
    away may fit as well.
    """
    if bytes_of(0) > most:
        return None
    fits, exceeds = 0, count
    while exceeds - fits > 1:
        middle = (fits + exceeds) // 2
        if bytes_of(middle) <= most:
            fits = middle
        else:
            exceeds = middle
    return fits
