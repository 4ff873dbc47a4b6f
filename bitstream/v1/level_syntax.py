"""Syntax of the level layer: the quantised latents of one frame, slice by slice, in two
checkerboard passes.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import BitstreamError
from .adaptive_tables import TableSet
from .context_model import (
    INTER,
    INTRA,
    LEVEL_SYMBOLS,
    NETWORK_NAMES,
    LevelCanvas,
    NetworkInputs,
    SymbolContext,
    checkerboard,
)
from .observer import CodedLevels
from .quantiser import MAX_LEVEL
from .symbol_coder import SymbolReader, SymbolWriter
from .tables import CodecTables

LEVEL_INCREMENT = 256
SIDE_LIMIT = 15  # side planes are clamped to this before they enter a network
# a network's inputs take up to 19 kB a position: large passes are evaluated in pieces
POSITIONS_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class PassContext:
    """What an encoder's quantiser may look at for one pass: n positions of so many ``channels``
    from ``first`` on.

    rows, columns (n,); context: how each of the n · channels levels is coded, position-major;
    tables: what ``bits`` prices levels by.
    """

    first: int
    channels: int
    rows: np.ndarray
    columns: np.ndarray
    context: SymbolContext
    tables: TableSet

    def bits(self, levels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Bits of candidate levels (n · channels,) under the tables in use; an escape counts its
        payload too.
        """
        symbols = self.context.symbols(levels)
        bits: npt.NDArray[np.float64] = self.tables.costs[self.context.table, symbols]
        escapes = self.context.escape_values(levels, symbols)
        return bits + 2 * np.log2(1.0 + escapes) if escapes.any() else bits


# Gives the levels (n, channels) int64 of one pass.
LevelChooser = Callable[[PassContext], np.ndarray]


class LevelCoder:
    """The adaptive tables of the level layer, and the previous frame's levels as context.

    Reset at keyframes.
    """

    def __init__(self, tables: CodecTables, height: int, width: int) -> None:
        self._tables = tables
        self.table_sets = {
            kind: TableSet(priors, LEVEL_INCREMENT, f"{NETWORK_NAMES[kind]}_levels")
            for kind, priors in tables.level_priors.items()
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
        first = 0
        for index, channels in enumerate(self._tables.slices):
            for kind, second, rows, columns in passes:
                inputs = NetworkInputs(kind, first, channels, second, rows, columns)
                values = self._code_pass(io, index, inputs, canvas, choose)
                levels[first : first + channels, rows, columns] = values.T
                canvas.store(first, rows, columns, values)
            first += channels
        if io.observer is not None:
            io.observer.levels_coded(
                CodedLevels(levels, log2_step, coded, intra, prediction, self.previous)
            )
        # A keyframe's levels say nothing about where residuals will fall.
        self.previous = levels if prediction is not None else np.zeros_like(levels)
        return levels

    def _code_pass(
        self,
        io: SymbolWriter | SymbolReader,
        index: int,
        inputs: NetworkInputs,
        canvas: LevelCanvas,
        choose: LevelChooser | None,
    ) -> np.ndarray:
        """The levels (n, channels) of slice ``index`` at the positions of ``inputs``."""
        rows, columns, channels = inputs.rows, inputs.columns, inputs.channels
        context = self._context(io, index, inputs, canvas)
        tables = self.table_sets[inputs.kind]
        if choose is None:
            levels = symbols = np.zeros(len(rows) * channels, dtype=np.int64)
        else:
            part = PassContext(inputs.first, channels, rows, columns, context, tables)
            levels = choose(part).ravel()
            symbols = context.symbols(levels)
        places = None
        if io.observer is not None:
            places = (rows * self._shape[2] + columns).repeat(channels)
        symbols = io.code(tables, context.table, symbols, places)
        escapes = np.zeros(len(symbols), dtype=np.int64)
        escaped = symbols >= LEVEL_SYMBOLS - 2
        if np.count_nonzero(escaped):
            beyond = context.escape_values(levels, symbols)[escaped]
            escapes[escaped] = io.code_escapes(
                beyond, tables, None if places is None else places[escaped]
            )
        values = context.levels(symbols, escapes)
        if np.abs(values).max() > MAX_LEVEL:
            raise BitstreamError(f"level outside ±{MAX_LEVEL}")
        return values.reshape(len(rows), channels)

    def _context(
        self,
        io: SymbolWriter | SymbolReader,
        index: int,
        inputs: NetworkInputs,
        canvas: LevelCanvas,
    ) -> SymbolContext:
        """How each level of a pass is coded, position-major.

        No position of a pass depends on another of the same pass.
        """
        network, count = self._tables.networks[inputs.kind][index], len(inputs.rows)
        mean, scale = np.empty((2, count, inputs.channels), dtype=np.int64)
        for start in range(0, count, POSITIONS_AT_ONCE):
            part = slice(start, start + POSITIONS_AT_ONCE)
            features = canvas.features(inputs, part)
            if io.observer is not None:
                io.observer.evaluated(network, features)
            mean[part], scale[part] = network.evaluate(features)
        return SymbolContext.of(mean.ravel(), scale.ravel())
