"""What the block layer of a frame says: modes, directions, units and motion vectors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt


class Mode(IntEnum):
    """How a block is reconstructed."""

    SKIP = 0  # the prediction as it is
    RESIDUAL = 1  # the prediction plus coded levels
    GENERATE = 2  # the prediction as it is, marked for inpainting by the restoration
    INTRA = 3  # coded levels alone


class Direction(IntEnum):
    """Which references a predicted block uses."""

    PAST = 0
    FUTURE = 1
    AVERAGE = 2


# comparing with plain integers takes half as long
MODE_RESIDUAL, MODE_INTRA = int(Mode.RESIDUAL), int(Mode.INTRA)


def carries_levels(modes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which of these modes have levels coded, as bool of the same shape."""
    coded: npt.NDArray[np.bool_] = (modes == MODE_RESIDUAL) | (modes == MODE_INTRA)
    return coded


@dataclass
class BlockFields:
    """What the block layer says of one frame, on the block grid (bh, bw).

    modes (bh, bw) int64 of ``Mode``; directions (bh, bw) int64 of ``Direction``; vectors (2, bh,
    bw, 2) int64 px as (dy, dx), past then future, zero where a reference is not used; sides (bh,
    bw) int64: 1, or 2 or 4 for the blocks of a unit of so many blocks a side, which share direction
    and vectors and of which none is intra.
    """

    modes: npt.NDArray[np.int64]
    directions: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.int64]
    sides: npt.NDArray[np.int64]

    @classmethod
    def blank(cls, height: int, width: int, mode: Mode) -> BlockFields:
        """Every block in ``mode`` and by itself, past reference, no motion."""
        return cls(
            np.full((height, width), int(mode), dtype=np.int64),
            np.zeros((height, width), dtype=np.int64),
            np.zeros((2, height, width, 2), dtype=np.int64),
            np.ones((height, width), dtype=np.int64),
        )

    @property
    def coded(self) -> npt.NDArray[np.bool_]:
        """(bh, bw) bool: blocks that carry levels."""
        return carries_levels(self.modes)
