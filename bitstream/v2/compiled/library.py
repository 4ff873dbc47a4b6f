"""All kernels.  Importing this compiles them, or loads what was kept."""

from .coarse_lines import within
from .lines import look
from .windows import overlapped

__all__ = ["look", "overlapped", "within"]
