"""Checks of what callers of the library give: the same words for the same mistake everywhere."""

from __future__ import annotations

import math

from .errors import SettingsError


def check_whole_number(name: str, value: object, low: int, high: int | None = None) -> None:
    """``SettingsError`` unless a value is an ``int``, not a ``bool``, from ``low`` to ``high``."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or value < low or (high is not None and value > high):
        range_text = f"of at least {low}" if high is None else f"{low}..{high}"
        raise SettingsError(f"{name} must be a whole number {range_text}, got {value!r}")


def check_number(name: str, value: object, low: float, limit: float = math.inf) -> None:
    """``SettingsError`` unless a value is a number, not a ``bool``, of at least ``low`` and below
    ``limit``.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= value < limit:
        raise SettingsError(f"{name} must be a number of at least {low:g}, got {value!r}")
