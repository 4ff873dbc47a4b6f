"""Syntax of the level layer: the quantised latents of one frame, slice by slice, in two
checkerboard passes.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import numpy as np

from ..errors import BitstreamError
from .context_model import INTER, INTRA, LevelCanvas, SymbolContext, checkerboard
from .quantiser import MAX_LEVEL
from .symbol_coder import SymbolReader, SymbolWriter, TableSet
from .tables import CodecTables

LEVEL_INCREMENT = 256
SIDE_LIMIT = 15  # side planes are clamped to this before they enter a network
# a network's inputs take up to 19 kB a position: large passes are evaluated in pieces
POSITIONS_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class PassContext:
    """What an encoder's quantiser may look at for one pass: n positions of ``own`` channels from
    ``first`` on.

    rows, columns (n,); context: how each of the n·own levels is coded, position-major; tables: what
    ``bits`` prices levels by.
    """

    first: int
    own: int
    rows: np.ndarray
    columns: np.ndarray
    context: SymbolContext
    tables: TableSet

    def bits(self, levels: np.ndarray) -> np.ndarray:
        """Bits of candidate levels (n·own,) under the tables in use; an escape counts its payload
        too.
        """
        symbols = self.context.symbols(levels)
        bits = self.tables.costs[self.context.table, symbols]
        escapes = self.context.escape_values(levels, symbols)
        return bits + 2 * np.log2(1.0 + escapes) if escapes.any() else bits


# Gives the levels (n, own) int64 of one pass.
LevelChooser = Callable[[PassContext], np.ndarray]


class LevelCoder:
    """The adaptive tables of the level layer, and the previous frame's levels as context.

    Reset at keyframes.
    """

    def __init__(self, tables: CodecTables, height: int, width: int) -> None:
        self._tables = tables
        self.table_sets = {
            kind: TableSet(priors, LEVEL_INCREMENT) for kind, priors in tables.level_priors.items()
        }
        self._shape = (tables.latent_channels, height, width)
        self.previous = np.zeros(self._shape, dtype=np.int64)

    def copy(self) -> LevelCoder:
        """An independent copy of the state between two frames."""
        other = copy(self)
        other.table_sets = {kind: table_set.copy() for kind, table_set in self.table_sets.items()}
        return other

    def code(
        self,
        io: SymbolWriter | SymbolReader,
        log2_step: int,
        coded: np.ndarray,
        intra: np.ndarray,
        prediction: np.ndarray | None,
        choose: LevelChooser | None,
    ) -> np.ndarray:
        """Code the levels of a frame → (C, h, w) int64, zero where nothing is coded.

        ``coded``, ``intra`` (h, w) bool masks of positions; ``prediction`` (C, h, w) in levels,
        None for keyframes; ``choose`` is the encoder's quantiser, None for a reader.  Raises
        ``BitstreamError`` for levels out of range.
        """
        for tables in self.table_sets.values():
            tables.update()
        channels, height, width = self._shape
        side = None
        if prediction is not None:
            side = np.empty((2, *self._shape))
            np.minimum(np.abs(prediction), SIDE_LIMIT, out=side[0])
            np.minimum(np.abs(self.previous), SIDE_LIMIT, out=side[1])
        canvas = LevelCanvas(channels, height, width, log2_step, coded, side)
        levels = np.zeros(self._shape, dtype=np.int64)
        first_pass = checkerboard(height, width)
        passes = []
        for second, mask in enumerate((first_pass, ~first_pass)):
            for kind, kind_mask in ((INTRA, coded & intra), (INTER, coded & ~intra)):
                rows, columns = np.nonzero(mask & kind_mask)
                if len(rows):
                    passes.append((kind, bool(second), rows, columns))
        start = 0
        for index, own in enumerate(self._tables.slices):
            for kind, second, rows, columns in passes:
                values = self._code_pass(
                    io, kind, index, start, second, rows, columns, canvas, choose
                )
                levels[start : start + own, rows, columns] = values.T
                canvas.store(start, rows, columns, values)
            start += own
        # A keyframe's levels say nothing about where residuals will fall.
        self.previous = levels if prediction is not None else np.zeros_like(levels)
        return levels

    def _code_pass(
        self,
        io: SymbolWriter | SymbolReader,
        kind: int,
        index: int,
        start: int,
        second: bool,
        rows: np.ndarray,
        columns: np.ndarray,
        canvas: LevelCanvas,
        choose: LevelChooser | None,
    ) -> np.ndarray:
        own = self._tables.slices[index]
        context = self._context(kind, index, start, second, rows, columns, canvas)
        tables = self.table_sets[kind]
        if choose is None:
            wanted = symbols = np.zeros(len(rows) * own, dtype=np.int64)
        else:
            wanted = choose(PassContext(start, own, rows, columns, context, tables)).ravel()
            symbols = context.symbols(wanted)
        symbols = io.code(tables, context.table, symbols)
        escapes = np.zeros(len(symbols), dtype=np.int64)
        escaped = symbols >= tables.frequencies.shape[1] - 2
        if np.count_nonzero(escaped):
            escapes[escaped] = io.code_escapes(context.escape_values(wanted, symbols)[escaped])
        values = context.levels(symbols, escapes)
        if np.abs(values).max() > MAX_LEVEL:
            raise BitstreamError(f"level outside ±{MAX_LEVEL}")
        return values.reshape(len(rows), own)

    def _context(
        self,
        kind: int,
        index: int,
        start: int,
        second: bool,
        rows: np.ndarray,
        columns: np.ndarray,
        canvas: LevelCanvas,
    ) -> SymbolContext:
        """How each level of a pass is coded, position-major.

        No position of a pass depends on another of the same pass.
        """
        own, network = self._tables.slices[index], self._tables.networks[kind][index]
        mean, scale = np.empty((2, len(rows), own), dtype=np.int64)
        for first in range(0, len(rows), POSITIONS_AT_ONCE):
            part = slice(first, first + POSITIONS_AT_ONCE)
            mean[part], scale[part] = network.evaluate(
                canvas.features(kind, start, own, second, rows[part], columns[part])
            )
        return SymbolContext.of(mean.ravel(), scale.ravel())
