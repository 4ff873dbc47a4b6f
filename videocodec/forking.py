"""Children made by ``fork``: their parent's threads do not live on in them.

OpenMP shares the work of PyTorch's operations among threads that it started once.  A child has its
books without its threads, and the first operation that is shared there waits for ever.  With one
thread nothing is shared, so that is what networks get in such a child.
"""

from __future__ import annotations

import os
import sys

_after_pytorch = False


def _note_child() -> None:
    global _after_pytorch
    _after_pytorch = "torch" in sys.modules


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_child)


def forked_after_pytorch() -> bool:
    """Whether this process was forked from one that had loaded PyTorch."""
    return _after_pytorch
