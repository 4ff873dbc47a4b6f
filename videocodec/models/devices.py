"""Names of the devices networks run on.  No torch here: the command line's help needs it."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from ..errors import DeviceError

DEVICES = ("auto", "cpu", "cuda", "mps")

# What PyTorch says when memory ends is a RuntimeError of many lines, and another one in every
# library under it.
_MEMORY_ENDED = re.compile(
    r"allocate|out of memory|not enough memory|bad_alloc|could not create a"
    r" (memory|primitive)|ALLOC_FAILED",
    re.I,
)


def check_device(name: str) -> None:
    """Raise ``DeviceError`` unless it is the name of one."""
    if name not in DEVICES:
        raise DeviceError(f"device must be one of {', '.join(DEVICES)}, got {name!r}")


def may_accelerate() -> bool:
    """Whether PyTorch is there and was built for accelerators.  It is not loaded for that: builds
    for CPUs alone say so in their version.
    """
    if find_spec("torch") is None:
        return False
    try:
        return not version("torch").endswith("+cpu")
    except PackageNotFoundError:
        return True


def memory_ended(error: BaseException) -> bool:
    """Whether an error of PyTorch or of a library under it says that there is not enough memory."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and _MEMORY_ENDED.search(str(error)) is not None
    )
