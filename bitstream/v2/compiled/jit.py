"""How kernels are compiled."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib.resources import files
from typing import Any, TypeVar

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _stamp() -> str:
    """Of all kernels: numba sees whether the file of a kernel has changed, not whether those have
    that it takes parts from.
    """
    sources = sorted(
        (file.name, file.read_bytes())
        for file in files(__package__).iterdir()
        if file.name.endswith(".py")
    )
    return f"{zlib.crc32(repr(sources).encode()):08x}"


_STAMP = _stamp()


def kernel(*signatures: str) -> Callable[[_Function], _Function]:
    """Compile a function for its signatures, or take it from where it was kept: beside its file, or
    in the user's cache where that cannot be written.  Other threads run while it does.

    Raises ``RuntimeError`` where it can be kept in neither.
    """

    def decorate(function: _Function) -> _Function:
        function.__qualname__ += f"_{_STAMP}"  # part of the name under which it is kept
        compiled: _Function = njit(list(signatures), cache=True, nogil=True, error_model="numpy")(
            function
        )
        return compiled

    return decorate


def part(function: _Function) -> _Function:
    """Part of kernels, compiled into each that calls it."""
    compiled: _Function = njit(nogil=True, error_model="numpy")(function)
    return compiled
