"""How kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., Any])


def kernel(signature: str) -> Callable[[_Function], _Function]:
    """Compile a function for one signature, or take it from where it was kept: beside its file, or
    in the user's cache where that cannot be written.  Other threads run while it does.

    Raises ``RuntimeError`` where it can be kept in neither.
    """
    compiled: Callable[[_Function], _Function] = njit(
        signature,
        cache=True,
        nogil=True,
        error_model="numpy",
    )
    return compiled


def part(function: _Function) -> _Function:
    """Part of kernels, compiled into each that calls it."""
    compiled: _Function = njit(nogil=True, error_model="numpy")(function)
    return compiled
