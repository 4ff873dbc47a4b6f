"""Kernels in compiled code for the slowest parts of encoding by version 2, with the very results of
NumPy's: an encoder's bytes do not depend on whether they are there.

They are of the same make as those of ``bitstream.v2.compiled``, on which they build.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from bitstream.v2.compiled import Loading


@lru_cache(maxsize=1)
def _loading() -> Loading:
    return Loading(f"{__package__}.library")


def kernels() -> Any | None:
    """The module ``library`` once it is there, else None.  The first call begins to load it."""
    return _loading().module


def await_kernels() -> Any | None:
    """The same, when it has been loaded, or it is known that it cannot be."""
    _loading().wait()
    return _loading().module
