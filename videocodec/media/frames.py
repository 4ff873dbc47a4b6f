"""The frames that a source gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RgbArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class SourceFrame:
    """One frame: ``rgb`` uint8 height × width × 3, ``pts`` and ``duration`` (≥ 1) in ticks of the
    source's time base.
    """

    rgb: RgbArray
    pts: int
    duration: int


@dataclass(frozen=True, eq=False)
class UnconvertedFrame:
    """One frame that is decoded but not yet RGB: ``pts`` and ``duration`` as in ``SourceFrame``,
    ``rgb()`` converts it.
    """

    pts: int
    duration: int
    rgb: Callable[[], RgbArray]
