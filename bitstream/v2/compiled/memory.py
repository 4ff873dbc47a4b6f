"""Memory that is used again: what a system hands out anew it fills with zeros, page by page, which
takes a tenth of the time of a network.
"""

from __future__ import annotations

import sys
from math import prod
from threading import local
from typing import Any

import numpy as np
import numpy.typing as npt

_MOST_KEPT = 24  # pieces of a thread, when a network is done, and bytes of them together:
_MOST_BYTES = 1 << 27  # what networks take for 1920×1080 px
_LINE = 64  # bytes that a core's cache holds together, and vectors should not be split between
_FREE = 2  # references to a piece of which there are no arrays: the list's, and a question's


class _Pieces(local):
    """Those of one thread, the last used at the end."""

    def __init__(self) -> None:
        self.kept: list[npt.NDArray[np.uint8]] = []


_PIECES = _Pieces()


def empty(shape: tuple[int, ...], kind: npt.DTypeLike) -> npt.NDArray[Any]:
    """An array with anything in it, of the memory of one that nobody refers to any more."""
    dtype = np.dtype(kind)
    size = prod(shape) * dtype.itemsize
    return _piece(size)[:size].view(dtype).reshape(shape)


def trim() -> None:
    """Let go of what is much.  Not between one use of memory and the next that counts on it."""
    kept, total = list[npt.NDArray[np.uint8]](), 0
    for piece in reversed(_PIECES.kept[-_MOST_KEPT:]):
        total += len(piece)
        if total <= _MOST_BYTES:
            kept.insert(0, piece)
    _PIECES.kept = kept


def aligned(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A copy that begins at the beginning of a line of a core's cache."""
    made = _allocated(array.nbytes).view(array.dtype).reshape(array.shape)
    made[...] = array
    return made


def _allocated(size: int) -> npt.NDArray[np.uint8]:
    memory = np.empty(size + _LINE, np.uint8)
    skipped = -memory.ctypes.data % _LINE
    return memory[skipped : skipped + size]


def _piece(size: int) -> npt.NDArray[np.uint8]:
    kept = _PIECES.kept
    for index in range(len(kept) - 1, -1, -1):
        # Views refer to what has the memory, and to nothing else.
        if size <= len(kept[index]) <= 2 * size and sys.getrefcount(kept[index].base) == _FREE:
            kept.append(kept.pop(index))
            return kept[-1]
    kept.append(_allocated(size))
    return kept[-1]
