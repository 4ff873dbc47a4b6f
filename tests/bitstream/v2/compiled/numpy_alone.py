"""What NumPy gives, and what kernels give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from unittest.mock import patch

import pytest

from bitstream.v2.compiled import await_kernels

_Found = TypeVar("_Found")


def needs_kernels() -> Any:
    """The kernels; skips the test where there are none."""
    kernels = await_kernels()
    if kernels is None:
        pytest.skip("numba cannot be imported here, or is turned off")
    return kernels


def both(work: Callable[[], _Found]) -> tuple[_Found, _Found]:
    """What a piece of work gives with NumPy alone, and with kernels."""
    kernels = needs_kernels()
    found = []
    for used in (None, kernels):
        with patch("bitstream.v2.compiled.kernels", lambda used=used: used):
            found.append(work())
    return found[0], found[1]
