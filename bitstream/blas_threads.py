"""One BLAS thread for small products.

The matrix products of this package are small and many: shared out over threads they cost four times
the processor time and are no faster.  Results do not depend on it, they are exact either way.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache

from threadpoolctl import ThreadpoolController


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through the loaded libraries: milliseconds, so only once


def one_blas_thread() -> AbstractContextManager[object]:
    """A context in which BLAS products of this process run on one thread."""
    limit: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limit
