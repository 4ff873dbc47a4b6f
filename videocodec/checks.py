"""Checks of what callers of the library give: the same words for the same mistake everywhere."""

from __future__ import annotations

import math

from .errors import SettingsError


def check_whole_number(name: str, value: object, low: int, high: int | None = None) -> None:
    """``SettingsError`` unless a value is an ``int``, not a ``bool``, from ``low`` to ``high``."""
    allowed = isinstance(value, int) and low <= value and (high is None or value <= high)
    if not allowed or isinstance(value, bool):
        range_text = f"of at least {low}" if high is None else f"{low}..{high}"
        raise SettingsError(f"{name} must be a whole number {range_text}, got {value!r}")


def check_number(name: str, value: object, low: float, limit: float = math.inf) -> None:
    """``SettingsError`` unless a value is a number, not a ``bool``, of at least ``low`` and below
    ``limit``.
    """
    allowed = isinstance(value, int | float) and low <= value < limit
    if not allowed or isinstance(value, bool):
        raise SettingsError(f"{name} must be a number of at least {low:g}, got {value!r}")
