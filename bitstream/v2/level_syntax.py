"""Syntax of a keyframe's level layer: how many slices there are, the offsets of the quantiser, then
the levels, slice by slice, each in the passes of ``scan``.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..v1.adaptive_tables import TableSet
from ..v1.quantiser import log2_step_eighths
from ..v1.symbol_coder import SymbolReader, SymbolWriter
from .canvas import LARGEST_REACH, ValueCanvas
from .local_quantisers import OffsetCoder, Offsets, of_positions
from .pass_coder import INCREMENT, LevelChooser, NetworkPass, PassCoder
from .reading import update_tables
from .scan import ScanPass, passes_of
from .tables import LevelTables


class LevelCoder:
    """The adaptive tables of the level layer.  Reset at keyframes."""

    def __init__(self, tables: LevelTables, height: int, width: int) -> None:
        self._tables, self._size = tables, (height, width)
        self.passes = PassCoder(tables.priors, tables.level_sizes)
        self.slice_count = TableSet(tables.priors["slice_count"], INCREMENT, "slice_count")

    def copy(self) -> LevelCoder:
        """An independent copy of the state between two frames."""
        other = LevelCoder.__new__(LevelCoder)
        other._tables, other._size = self._tables, self._size
        other.passes, other.slice_count = self.passes.copy(), self.slice_count.copy()
        return other

    def code(
        self,
        io: SymbolWriter | SymbolReader,
        quantiser: int,
        offset_coder: OffsetCoder,
        choose: LevelChooser | None = None,
        slice_count: int = 0,
        offsets: Offsets | None = None,
    ) -> tuple[npt.NDArray[np.int64], Offsets]:
        """Code a frame → values (C, h, w) int64 in sixteenths of the step, 0 in absent slices, and
        the offsets (h, w) of the quantiser.

        offset_coder: of a frame of this size.  choose, slice_count, offsets: the encoder's
        quantiser, how many slices there are, and offsets of squares; None for a reader.  Raises
        ``BitstreamError`` for levels and offsets out of range.
        """
        self.passes.update()
        update_tables(self.slice_count)
        counted = np.array([slice_count if choose else 0])
        count = int(io.code(self.slice_count, np.zeros(1, np.int64), counted)[0])
        present = np.full(self._size, count > 0)
        squares = offset_coder.code(io, quantiser, present, offsets)
        local = of_positions(squares, *self._size)
        canvas = self._tables.kernel_contexts.canvas(io, self.passes, self._size, LARGEST_REACH)
        if canvas is None:
            return self._code_slices(io, quantiser, local, count, choose), local
        log2_step = log2_step_eighths(quantiser)
        for index in range(count):
            surrounded = index < len(self._tables.differences)
            for scan_pass in passes_of(index):
                rows, columns = _positions(scan_pass, *self._size)
                if len(rows):
                    at = rows, columns, local[rows, columns]
                    if choose is None:
                        canvas.read(io, index, scan_pass, log2_step, at, surrounded=surrounded)
                    else:
                        canvas.write(
                            io, index, scan_pass, log2_step, at, choose, surrounded=surrounded
                        )
        return canvas.values, local

    def _code_slices(
        self,
        io: SymbolWriter | SymbolReader,
        quantiser: int,
        local: Offsets,
        count: int,
        choose: LevelChooser | None,
    ) -> npt.NDArray[np.int64]:
        """The values of the first ``count`` slices."""
        slices, first = self._tables.slices, 0
        values = np.zeros((sum(slices), *self._size), dtype=np.int64)
        canvas = ValueCanvas(*values.shape)
        differences = (*self._tables.differences, *[None] * count)
        for index, channels in enumerate(slices[:count]):
            network, visible = self._tables.networks[index], tuple(range(first + channels))
            for scan_pass in passes_of(index):
                rows, columns = _positions(scan_pass, *self._size)
                if not len(rows):
                    continue
                at = local[rows, columns]
                one = NetworkPass(
                    network, visible, first, scan_pass, rows, columns, at, differences[index]
                )
                coded = self.passes.code(io, one, log2_step_eighths(quantiser), canvas, choose)
                values[first : first + channels, rows, columns] = coded.T
            first += channels
        return values


@lru_cache(maxsize=32)
def _positions(
    scan_pass: ScanPass, height: int, width: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows and columns of the positions of a pass.  Shared: read-only."""
    rows, columns = (scan_pass.stride * one for one in np.nonzero(scan_pass.mask(height, width)))
    for array in (rows, columns):
        array.flags.writeable = False
    return rows, columns
