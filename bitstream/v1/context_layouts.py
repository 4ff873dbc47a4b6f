"""Contexts by name: the number of a table as digits in mixed radix."""

from __future__ import annotations

from math import prod
from typing import overload

import numpy as np
import numpy.typing as npt

# bool counts as 0 and 1
ContextDigit = int | npt.NDArray[np.integer | np.bool_]


class ContextLayout:
    """Named digits in mixed radix, the most significant one first.

    sizes: how many values each digit has; strides: what one step of it counts; first: the table of
    the context whose digits are all 0; count: of contexts.
    """

    def __init__(self, first: int = 0, /, **sizes: int) -> None:
        self.first, self.sizes, self.count = first, sizes, prod(sizes.values())
        self.strides: dict[str, int] = {}
        stride = self.count
        for name, size in sizes.items():
            stride //= size
            self.strides[name] = stride

    @overload
    def index(self, **digits: int) -> int:  # type: ignore[overload-overlap]  # integers alone
        ...

    @overload
    def index(self, **digits: ContextDigit) -> npt.NDArray[np.int64]: ...

    def index(self, **digits: ContextDigit) -> ContextDigit:
        """Tables of contexts: every digit an integer, or an array of integers or bool, which
        broadcast.  Ranges are the caller's business.

        A digit that is left out is 0, and ``self.index(a=x) + self.part(b=y)`` is
        ``self.index(a=x, b=y)``.
        """
        part = self.part(**digits)
        return self.first + part if self.first else part

    @overload
    def part(self, **digits: int) -> int:  # type: ignore[overload-overlap]  # integers alone
        ...

    @overload
    def part(self, **digits: ContextDigit) -> npt.NDArray[np.int64]: ...

    def part(self, **digits: ContextDigit) -> ContextDigit:
        """What these digits alone add to a table's number."""
        total: ContextDigit | None = None
        for name, digit in digits.items():
            stride = self.strides[name]
            term = digit if stride == 1 else stride * digit
            total = term if total is None else total + term
        return 0 if total is None else total

    def digits(self, tables: np.ndarray) -> dict[str, np.ndarray]:
        """The inverse of ``index``: every digit of every table's context."""
        contexts = np.asarray(tables) - self.first
        return {name: contexts // self.strides[name] % size for name, size in self.sizes.items()}
