"""Names of the devices networks run on.  No torch here: the command line's help needs it."""

from __future__ import annotations

import re

DEVICES = ("auto", "cpu", "cuda", "mps")

# What PyTorch says when memory ends is a RuntimeError of many lines, and another one in every
# library under it.
_MEMORY_ENDED = re.compile(
    r"allocate|out of memory|not enough memory|bad_alloc|could not create a"
    r" (memory|primitive)|ALLOC_FAILED",
    re.I,
)


def memory_ended(error: BaseException) -> bool:
    """Whether an error of PyTorch or of a library under it says that there is not enough memory."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and _MEMORY_ENDED.search(str(error)) is not None
    )
