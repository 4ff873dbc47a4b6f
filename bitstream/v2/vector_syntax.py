"""Syntax of the motion vectors of version 2: as in version 1, in other contexts."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..v1.block_lattice import stages
from ..v1.context_layouts import ContextLayout
from ..v1.motion_vectors import keys_of
from ..v1.vector_syntax import VectorLayer as FirstVectorLayer
from .block_elements import HORIZONTAL_DIFFERENCE, VECTOR_MERGE, VERTICAL_DIFFERENCE
from .derived_blocks import derived_in

SIZES = np.array([0, 0, 1, 0, 2, 0, 0, 0, 3])  # log2 of the sides of merged blocks
_EXTENTS = np.array([-1, 0, 2, 6])  # halves of a pixel, the largest of all classes but the last


@lru_cache(maxsize=4)
def stage_arrays(
    height: int, width: int, layers: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The stages of a grid one after the other: blocks (n,), neighbours (4, n), and the first, the
    last and the kind of each.  Shared: nobody writes to them.
    """
    parts = stages(height, width, layers)
    ends = np.cumsum([len(stage.blocks) for stage in parts])
    bounds = [(end - len(one.blocks), end, one.kind) for end, one in zip(ends, parts, strict=True)]
    blocks = np.concatenate([stage.blocks for stage in parts])
    neighbours = np.concatenate([stage.neighbours for stage in parts], axis=1)
    return blocks, neighbours, np.array(bounds, dtype=np.int64)


class VectorLayer(FirstVectorLayer):
    """The vectors of one frame while they are coded."""

    _MERGE: ClassVar[ContextLayout] = VECTOR_MERGE
    _DIFFERENCES: ClassVar[tuple[ContextLayout, ContextLayout]] = (
        VERTICAL_DIFFERENCE,
        HORIZONTAL_DIFFERENCE,
    )

    def __init__(self, *args: Any) -> None:
        """Derived vectors are known before all others."""
        super().__init__(*args)
        derived = derived_in(self._out)
        if derived.any():
            layers = self._out.vectors[: self._layers]
            known = np.where(derived, keys_of(layers), 0)
            self._motion[:] = known.reshape(self._motion.shape)
            self._leads &= ~np.concatenate([derived.reshape(-1)] * self._layers)

    def _merge_context(self, sides: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return self._MERGE.index(size=SIZES[sides])

    @staticmethod
    def spread(extent: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """0 where fewer than two neighbours are known, else 1 to 4, the farther they lie apart."""
        classes: npt.NDArray[np.int64] = np.searchsorted(_EXTENTS, extent)
        return classes
