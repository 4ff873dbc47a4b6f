"""How kernels are compiled."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib.resources import files
from typing import Any, TypeVar

from numba import njit

from . import process_ends

_MARKS = b"@kernel", b"@part", b"@intrinsic", b"njit("
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _stamp(packages: tuple[str, ...]) -> str:
    """Of all files with kernels or parts of them: numba sees whether the file of a kernel has
    changed, not whether those have that it takes parts from.
    """
    sources = sorted(
        (file.name, source)
        for package in packages
        for file in files(package).iterdir()
        if file.name.endswith(".py")
        and any(mark in (source := file.read_bytes()) for mark in _MARKS)
    )
    return f"{zlib.crc32(repr(sources).encode()):08x}"


def kernels_of(*packages: str) -> Callable[..., Callable[[_Function], _Function]]:
    """What compiles a function for its signatures, or takes it from where it was kept: beside its
    file, or in the user's cache where that cannot be written.  Other threads run while it does.

    packages: those of the kernels and of all that they take parts from.  Raises ``RuntimeError``
    where kernels can be kept in neither, and when the process ends.
    """
    stamp = _stamp(packages)

    def kernel(*signatures: str) -> Callable[[_Function], _Function]:
        def decorate(function: _Function) -> _Function:
            if process_ends.is_set():
                raise RuntimeError("the process ends")
            function.__qualname__ += f"_{stamp}"  # part of the name under which it is kept
            compiled: _Function = njit(
                list(signatures), cache=True, nogil=True, error_model="numpy"
            )(function)
            return compiled

        return decorate

    return kernel


kernel = kernels_of(__package__)


def part(function: _Function) -> _Function:
    """Part of kernels, compiled into each that calls it."""
    compiled: _Function = njit(nogil=True, error_model="numpy")(function)
    return compiled
