"""All kernels.  Importing this compiles them, or loads what was kept."""

from __future__ import annotations

from typing import Any

from .block_reading import MERGED_INTRA, NO_REFERENCE, read_blocks
from .block_squares import read_derived
from .derived import DerivedMotion
from .latents import add_values, put_still
from .layouts import rounded
from .products import IS_FAST
from .range_coder import renew
from .reading import CompiledReader
from .vector_reading import NO_CANDIDATE, TOO_LONG
from .windows import put_together

__all__ = [
    "MERGED_INTRA",
    "NO_CANDIDATE",
    "NO_REFERENCE",
    "TOO_LONG",
    "CompiledReader",
    "DerivedMotion",
    "add_values",
    "arithmetic",
    "levels",
    "picture_filter",
    "put_still",
    "put_together",
    "read_blocks",
    "read_derived",
    "renew",
    "rounded",
]


def _of_products() -> tuple[Any, Any, Any]:
    """The modules, where the processor has instructions for products; elsewhere NumPy's of floats
    are better.
    """
    if not IS_FAST:
        return None, None, None
    from . import arithmetic, levels, picture_filter

    return arithmetic, levels, picture_filter


arithmetic, levels, picture_filter = _of_products()
