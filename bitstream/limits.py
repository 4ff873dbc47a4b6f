"""How much memory decoding takes, by the headers alone: known, and compared with what there is,
before anything is allocated.

    bytes = 2^25 + frames kept · (16 · C · n + 160 · b) + C · (200 · n + 650 · min(n, 2^14)) + 1500
    · b

C latent channels, n latent positions, b blocks; frames kept: those of the access unit, and the one
before it.  The first product is what stays of every frame (latents twice, block layer), the others
what one frame takes while it is decoded.  tests/bitstream/test_limits.py measures that real
decoding stays below.
"""

from __future__ import annotations

import os
from pathlib import Path

from .errors import MemoryLimitError
from .group_structure import MAX_FRAMES
from .sequence_header import SequenceHeader

_BASE = 1 << 25
_POSITIONS_AT_ONCE = 1 << 14
_MARGIN = 8  # positions on both sides together that references are larger
_DEFAULT_MEMORY = 1 << 34  # where the system does not say what it has
# of the control group, version 2; only containers have one there
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


def decoding_bytes(header: SequenceHeader, frame_count: int = MAX_FRAMES) -> int:
    """Most bytes that decoding an access unit of so many frames takes, beside the model's tables
    and the payload.
    """
    width, height, channels = header.latent_width, header.latent_height, header.latent_channels
    positions, blocks = (
        (width + _MARGIN) * (height + _MARGIN),
        width * height >> 2 * header.block_log2,
    )
    kept = (frame_count + 1) * (16 * channels * positions + 160 * blocks)
    return (
        _BASE
        + kept
        + channels * (200 * positions + 650 * min(positions, _POSITIONS_AT_ONCE))
        + 1500 * blocks
    )


def available_bytes() -> int:
    """The memory of this machine, or what of it this container or this process may take if that is
    less.
    """
    try:
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on every system
        there = _DEFAULT_MEMORY
    try:
        there = min(there, int(_CONTAINER_LIMIT.read_text(encoding="ascii")))
    except (OSError, ValueError):  # there is none, or it says "max"
        pass
    try:
        import resource

        allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    except ImportError:
        return there
    return there if allowed == resource.RLIM_INFINITY else min(there, allowed)


def check_memory(header: SequenceHeader, frame_count: int, limit: int) -> None:
    """Raise ``MemoryLimitError`` if decoding an access unit may take more than ``limit`` bytes."""
    needed = decoding_bytes(header, frame_count)
    if needed > limit:
        raise MemoryLimitError(
            f"{header.width} × {header.height} pixels with {header.latent_channels} latent channels"
            f" take up to {needed / 2**30:.1f} GiB to decode, {limit / 2**30:.1f} GiB are allowed"
            " here: decode it on a machine with more memory"
        )
