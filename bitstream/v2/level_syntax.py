"""Syntax of a keyframe's level layer: how many slices there are, then the levels, slice by slice,
each in the passes of ``scan``.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import BitstreamError
from ..v1.adaptive_tables import TableSet
from ..v1.quantiser import MAX_LEVEL
from ..v1.symbol_coder import SymbolReader, SymbolWriter
from .canvas import ValueCanvas
from .context_network import VALUE_BITS
from .level_contexts import LEVEL_CLASSES, LevelClass, scale_bins
from .scan import ScanPass, passes_of
from .tables import LevelTables

INCREMENT = 256  # of adaptive tables
# A network's inputs take up to 7 kB a position: large passes are evaluated in pieces.
POSITIONS_AT_ONCE = 1 << 12


@dataclass(frozen=True)
class PassContext:
    """What an encoder's quantiser may look at for one pass: n positions of so many ``channels``
    from ``first`` on.

    rows, columns (n,); mean, log2_scale (n, channels) int64: in sixteenths.
    """

    first: int
    channels: int
    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    mean: npt.NDArray[np.int64]
    log2_scale: npt.NDArray[np.int64]


# Gives the levels (n, channels) int64 of one pass.
LevelChooser = Callable[[PassContext], npt.NDArray[np.int64]]


class LevelCoder:
    """The adaptive tables of the level layer.  Reset at keyframes."""

    def __init__(self, tables: LevelTables, height: int, width: int) -> None:
        self._tables, self._size = tables, (height, width)
        self.table_sets = {
            name: TableSet(priors, INCREMENT, name) for name, priors in tables.priors.items()
        }

    def copy(self) -> LevelCoder:
        """An independent copy of the state between two frames."""
        other = copy(self)
        other.table_sets = {name: one.copy() for name, one in self.table_sets.items()}
        return other

    def code(
        self,
        io: SymbolWriter | SymbolReader,
        log2_step: int,
        choose: LevelChooser | None = None,
        slice_count: int = 0,
    ) -> npt.NDArray[np.int64]:
        """Code a frame → values (C, h, w) int64 in sixteenths of the step; 0 in absent slices.

        log2_step: in eighths.  choose, slice_count: the encoder's quantiser, and how many slices
        there are; None for a reader.  Raises ``BitstreamError`` for levels out of range.
        """
        for tables in self.table_sets.values():
            tables.update()
        slices = self._tables.slices
        values = np.zeros((sum(slices), *self._size), dtype=np.int64)
        canvas = ValueCanvas(*values.shape)
        counted = np.array([slice_count if choose else 0])
        count = int(io.code(self.table_sets["slice_count"], np.zeros(1, np.int64), counted)[0])
        first = 0
        for index, channels in enumerate(slices[:count]):
            for scan_pass in passes_of(index):
                rows, columns = np.nonzero(scan_pass.mask(*self._size))
                if not len(rows):
                    continue
                rows, columns = scan_pass.stride * rows, scan_pass.stride * columns
                context = self._context(index, first, scan_pass, log2_step, (rows, columns), canvas)
                coded = self._code_pass(io, context, choose)
                values[first : first + channels, rows, columns] = coded.T
                canvas.store(first, rows, columns, coded)
            first += channels
        return values

    def _context(
        self,
        index: int,
        first: int,
        scan_pass: ScanPass,
        log2_step: int,
        positions: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
        canvas: ValueCanvas,
    ) -> PassContext:
        """What the network of slice ``index`` expects.  No position of a pass depends on another
        one of it.
        """
        network, (rows, columns) = self._tables.networks[index], positions
        weights = network.for_pass(scan_pass.flags, log2_step)
        mean, log2_scale = np.empty((2, len(rows), network.channels), dtype=np.int64)
        for start in range(0, len(rows), POSITIONS_AT_ONCE):
            part = slice(start, start + POSITIONS_AT_ONCE)
            features = canvas.features(
                first + network.channels, rows[part], columns[part], scan_pass.stride
            )
            mean[part], log2_scale[part] = network.evaluate(features, weights)
        return PassContext(first, network.channels, rows, columns, mean, log2_scale)

    def _code_pass(
        self, io: SymbolWriter | SymbolReader, context: PassContext, choose: LevelChooser | None
    ) -> npt.NDArray[np.int64]:
        """The values (n, channels) of a pass, in sixteenths."""
        bins = scale_bins(context.log2_scale).ravel()
        levels = np.zeros(bins.shape, dtype=np.int64)
        if choose is not None:
            levels[:] = choose(context).ravel()
        places = (context.rows * self._size[1] + context.columns).repeat(context.channels)
        for level_class in LEVEL_CLASSES:
            above = bins - level_class.first_bin
            found = np.flatnonzero((above >= 0) & (above < level_class.bins))
            levels[found] = self._code_class(
                io, level_class, above[found], levels[found], places[found]
            )
        if np.abs(levels).max() > MAX_LEVEL:
            raise BitstreamError(f"level outside ±{MAX_LEVEL}")
        return context.mean + (levels.reshape(context.mean.shape) << VALUE_BITS)

    def _code_class(
        self,
        io: SymbolWriter | SymbolReader,
        level_class: LevelClass,
        ids: npt.NDArray[np.int64],
        levels: npt.NDArray[np.int64],
        places: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.int64]:
        """Levels (n,), each under the table in ``ids`` (n,): all symbols, then all escapes."""
        tables = self.table_sets[level_class.name]
        symbols = io.code(tables, ids, level_class.symbols(levels), places)
        escapes = np.zeros(len(symbols), dtype=np.int64)
        escaped = level_class.is_escape(symbols)
        if escaped.any():
            beyond = np.abs(levels[escaped]) - level_class.radius - 1
            escapes[escaped] = io.code_escapes(beyond, tables, places[escaped])
        return level_class.levels(symbols, escapes)
