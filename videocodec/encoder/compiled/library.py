"""All of the encoder's kernels.  Importing this compiles them, or loads what was kept."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bitstream.v2.compiled.layers import WIDTHS
from bitstream.v2.compiled.products import IS_FAST, LANES

from . import levels, matching

__all__ = ["levels", "matching", "motion", "packed", "squares"]


if IS_FAST:
    from . import motion, squares
else:  # the processor lacks what they multiply by
    motion = squares = None


def packed(
    weights: npt.NDArray[np.int16], bias: npt.NDArray[np.int64], shift: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]:
    """Of a linear map (outputs, inputs): what ``layers.dense`` takes of one run of inputs."""
    outputs, inputs = weights.shape
    room = -(-outputs // LANES) * LANES
    filled = np.zeros((inputs, room), dtype=np.int16)
    filled[:, :outputs] = weights.T
    pairs = filled.reshape(-1, 2, room).swapaxes(1, 2)
    tiles, end = [], 0
    while end < room:
        width = LANES * next(one for one in WIDTHS if end + LANES * one <= room)
        tiles.append(pairs[:, end : end + width].reshape(-1))
        end += width
    scales = np.zeros((2, room), dtype=np.int32)
    scales[:, :outputs] = bias, shift
    return np.concatenate(tiles), scales
