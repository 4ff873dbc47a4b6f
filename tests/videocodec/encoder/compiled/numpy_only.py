"""What NumPy gives, and what kernels give."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar
from unittest.mock import patch

import pytest

from bitstream.v2.compiled import await_kernels as await_decoders
from videocodec.encoder.compiled import await_kernels

_Found = TypeVar("_Found")


def both(work: Callable[[], _Found]) -> tuple[_Found, _Found]:
    """What a piece of work gives with NumPy alone, and with kernels; skips the test where there are
    none.
    """
    if await_kernels() is None or await_decoders() is None:
        pytest.skip("numba cannot be imported here, or is turned off")
    with ExitStack() as patched:
        for name in ("videocodec.encoder.compiled", "bitstream.v2.compiled"):
            patched.enter_context(patch(f"{name}.kernels", lambda: None))
        alone = work()
    return alone, work()
