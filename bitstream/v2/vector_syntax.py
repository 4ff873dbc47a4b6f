"""Syntax of the motion vectors of version 2: as in version 1, in other contexts."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import BitstreamError
from ..v1.block_fields import BlockFields
from ..v1.block_lattice import stages
from ..v1.context_layouts import ContextLayout
from ..v1.motion_vectors import keys_of, vectors_of
from ..v1.prediction import VECTOR_LIMIT
from ..v1.vector_syntax import VectorLayer as FirstVectorLayer
from . import compiled
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

    def code(self, fields: BlockFields) -> npt.NDArray[np.int64]:
        """As in version 1; by kernels where they read."""
        kernels = compiled.kernels()
        if kernels is None or not isinstance(self._io, kernels.CompiledReader):
            motion: npt.NDArray[np.int64] = super().code(fields)
            return motion
        height, width = self._out.modes.shape
        merging = self._leads, self._is_merged(), self._followers, self._followed
        planes = (
            self._motion.reshape(-1),
            self._moved.reshape(-1),
            self._available.reshape(-1),
            self._temporal_keys,
            self._mirrors,
            np.ascontiguousarray(self._fixed),
        )
        directions, distances = self._out.directions.reshape(-1), (*self._context.distances, 0)[:2]
        merge, delta = self._tables["vector_merge"], self._tables["vector_delta"]
        bits = kernels.read_vectors(
            self._io.source,
            (merge.arrays(), delta.arrays()),
            (merge.increment, delta.increment),
            stage_arrays(height, width, self._layers),
            planes,
            merging,
            (directions, distances),
        )
        if bits == kernels.NO_CANDIDATE:
            raise BitstreamError("vector_merge names a candidate that there is not")
        if bits == kernels.TOO_LONG:
            raise BitstreamError(f"motion vector outside ±{VECTOR_LIMIT} px")
        self._io.spend(bits)
        motion = vectors_of(self._motion).reshape(self._layers, height, width, 2)
        uses = self._uses.reshape(self._layers, height, width, 1)
        self._out.vectors[: self._layers] = motion * uses
        return motion

    def _is_merged(self) -> npt.NDArray[np.bool_]:
        return np.zeros(len(self._leads), dtype=bool) if self._merged is None else self._merged

    def _merge_context(self, sides: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return self._MERGE.index(size=SIZES[sides])

    @staticmethod
    def spread(extent: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """0 where fewer than two neighbours are known, else 1 to 4, the farther they lie apart."""
        classes: npt.NDArray[np.int64] = np.searchsorted(_EXTENTS, extent)
        return classes
