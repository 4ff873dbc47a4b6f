"""What the latents of blocks are that stand still: copies, or means of two."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..v1.prediction import average
from . import compiled

MOVED, PAST, FUTURE, AVERAGE, NOTHING = range(5)  # what is there already, copies, means, zeros
Standing = npt.NDArray[np.uint8]


def put_still(
    out: npt.NDArray[np.int32], latents: tuple[npt.NDArray[np.int32], ...], standing: Standing
) -> npt.NDArray[np.int32]:
    """Latents (C, h, w) of a frame, in the memory of ``out``, which has those of moved positions.

    latents: of the past reference, and of the future one where there is one.  standing (h, w): one
    of the five above for every position.
    """
    past, future = latents[0], latents[-1]
    kernels = compiled.kernels()
    if kernels is not None:
        past, future = (np.require(one, np.int32, ["C", "W"]) for one in (past, future))
        kernels.put_still(out, past, future, standing)
        return out
    np.copyto(out, past, where=standing == PAST)
    np.copyto(out, future, where=standing == FUTURE)
    both = standing == AVERAGE
    out[:, both] = average(past[:, both], future[:, both])
    np.copyto(out, 0, where=standing == NOTHING)
    return out
