"""All of the encoder's kernels.  Importing this compiles them, or loads what was kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bitstream.v2.compiled.layers import tiled
from bitstream.v2.compiled.products import IS_FAST, LANES

from . import levels, matching, merging, pictures

__all__ = ["levels", "matching", "merging", "motion", "packed", "pictures", "squares"]


def _of_products() -> tuple[Any, Any]:
    """Modules that multiply by what not all processors have."""
    if not IS_FAST:
        return None, None
    from . import motion, squares

    return motion, squares


motion, squares = _of_products()


def packed(
    weights: npt.NDArray[np.int16], bias: npt.NDArray[np.int64], shift: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]:
    """Of a linear map (outputs, inputs): what ``layers.dense`` takes of one run of inputs."""
    outputs = len(weights)
    more = (0, -outputs % LANES)
    scales = np.pad(np.stack([bias, shift]), ((0, 0), more)).astype(np.int32)
    return tiled(np.pad(weights.T, ((0, 0), more))), scales
