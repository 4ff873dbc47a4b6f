"""The block layer of a frame read by kernels; what it says is that of ``block_syntax``.

Kernels give a number below 0 for whatever is illegal; here that is the error which NumPy raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import BitstreamError
from ..v1.adaptive_tables import TableSet
from ..v1.block_context import BlockContext
from ..v1.motion_vectors import keys_of
from ..v1.prediction import VECTOR_LIMIT
from .block_elements import LEAF_CLASS
from .derived_blocks import DerivableFields, derived_in
from .vector_syntax import stage_arrays

_BEHIND_DERIVED = "block_merge", "direction", "vector_merge", "vector_delta", "square", "mode"
Motion = npt.NDArray[np.int64]


class KernelBlocks:
    """Reads the block layer of one frame.

    kernels: the module ``compiled.library``.  io: its reader.  tables: of all elements, up to date;
    they learn.  context: of the frame.
    """

    def __init__(
        self, kernels: Any, io: Any, tables: Mapping[str, TableSet], context: BlockContext
    ) -> None:
        self._kernels, self._io, self._tables, self._context = kernels, io, tables, context
        self._temporal = keys_of(context.temporal).reshape(-1)

    def derived(self) -> npt.NDArray[np.bool_]:
        """(bh, bw): which blocks have derived motion, of a frame with two references.  Raises
        ``BitstreamError``, as does the other.
        """
        context, tables = self._context, self._tables["derived"]
        shape = context.source.fields.modes.shape
        found = np.empty(shape, dtype=np.bool_)
        bits = self._kernels.read_derived(
            (self._io.source, tables.arrays(), tables.increment),
            shape,
            context.frame_class == LEAF_CLASS,
            self._temporal[: found.size],
            _of_both([derived_in(one.fields) for one in context.references]),
            found.reshape(-1),
        )
        self._io.spend(bits)
        return found

    def rest(self, out: DerivableFields) -> Motion:
        """All else into ``out``, where derived vectors are known and the rest is blank → motion
        (layers, bh, bw, 2) to each reference.
        """
        context, used = self._context, [self._tables[name] for name in _BEHIND_DERIVED]
        (height, width), layers = out.modes.shape, len(context.distances)
        motion = np.empty((layers, height, width, 2), dtype=np.int64)
        source = context.source.fields
        known = (
            self._temporal,
            _of_both([one.fields.sides for one in context.references]),
            _of_both([one.fields.coded for one in context.references]),
            (_flat(source.modes), _flat(source.directions)),
        )
        flat = tuple(each.reshape(-1) for each in (out.derived, out.sides, out.modes))
        vectors = (each.reshape(len(each), -1, 2) for each in (out.vectors, motion))
        bits = self._kernels.read_blocks(
            (
                self._io.source,
                tuple(tables.arrays() for tables in used),
                tuple(tables.increment for tables in used),
            ),
            stage_arrays(height, width, layers),
            (height, width, context.frame_class, *(*context.distances, 0)[:2]),
            known,
            (*flat, out.directions.reshape(-1), *vectors),
        )
        self._io.spend(self._legal(bits))
        return motion

    def _legal(self, bits: float) -> float:
        """What a kernel returned, if it is not one of the errors."""
        if bits == self._kernels.NO_REFERENCE:
            raise BitstreamError("direction names a reference that the frame has not")
        if bits == self._kernels.MERGED_INTRA:
            raise BitstreamError("a merged block is intra")
        if bits == self._kernels.NO_CANDIDATE:
            raise BitstreamError("vector_merge names a candidate that there is not")
        if bits == self._kernels.TOO_LONG:
            raise BitstreamError(f"motion vector outside ±{VECTOR_LIMIT} px")
        return bits


def _flat(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.require(plane, requirements=["C", "W"]).reshape(-1)


def _of_both(planes: list[npt.NDArray[Any]]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Flat planes of both references; a single one counts twice."""
    flat = [_flat(plane) for plane in planes]
    return flat[0], flat[-1]
