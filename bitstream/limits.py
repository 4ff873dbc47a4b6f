"""How much memory decoding takes, by headers and tables alone: known, and compared with what there
is, before anything is allocated.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from .coder import Tables
from .errors import MemoryLimitError
from .formats import format_of
from .group_structure import MAX_FRAMES
from .sequence_header import SequenceHeader

_DEFAULT_MEMORY = 1 << 34  # where the system does not say what it has
# of the control group, version 2; only containers have one there
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


def decoding_bytes(
    header: SequenceHeader, frame_count: int = MAX_FRAMES, tables: Tables | None = None
) -> int:
    """Most bytes that decoding an access unit of so many frames takes, by the formula of the
    stream's version, beside the model's tables and the payload; without tables for the sizes of a
    packaged model.
    """
    return format_of(header.format_version).decoding_bytes(header, frame_count, tables)


def available_bytes() -> int:
    """The memory of this machine, or what of it this container or this process may take if that is
    less.
    """
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on every system
        memory = _DEFAULT_MEMORY
    with contextlib.suppress(OSError, ValueError):  # there is none, or it says "max"
        memory = min(memory, int(_CONTAINER_LIMIT.read_text(encoding="ascii")))
    try:
        import resource

        allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    except ImportError:
        return memory
    return memory if allowed == resource.RLIM_INFINITY else min(memory, allowed)


def check_memory(header: SequenceHeader, frame_count: int, limit: int, tables: Tables) -> None:
    """Raise ``MemoryLimitError`` if decoding an access unit may take more than ``limit`` bytes."""
    needed = decoding_bytes(header, frame_count, tables)
    if needed > limit:
        raise MemoryLimitError(
            f"{header.width} × {header.height} pixels with {header.latent_channels} latent channels"
            f" take up to {needed / 2**30:.1f} GiB to decode, {limit / 2**30:.1f} GiB are allowed"
            " here: decode it on a machine with more memory"
        )
