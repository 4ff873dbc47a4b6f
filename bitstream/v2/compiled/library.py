"""All kernels.  Importing this compiles them, or loads what was kept."""

from __future__ import annotations

from typing import Any

from .coarse_lines import within
from .lines import look, spread
from .products import IS_FAST
from .windows import overlapped

__all__ = ["arithmetic", "look", "overlapped", "spread", "within"]


def _arithmetic() -> Any:
    """The module, where the processor has instructions for it; elsewhere NumPy's products of floats
    are better.
    """
    if not IS_FAST:
        return None
    from . import arithmetic

    return arithmetic


arithmetic = _arithmetic()
