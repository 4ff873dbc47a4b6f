"""How the encoder's kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from bitstream.v2.compiled.jit import kernels_of

_Function = TypeVar("_Function", bound=Callable[..., Any])
_kernel = kernels_of(__package__, "bitstream.v2.compiled")


def kernel(signature: str) -> Callable[[_Function], _Function]:
    """As ``bitstream.v2.compiled.jit.kernel``, of the kernels here."""
    return _kernel(signature)
