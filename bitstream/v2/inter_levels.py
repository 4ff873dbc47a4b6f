"""Syntax of an inter frame's level layer: the last slice of every coded block, the offsets of the
quantiser, then the levels of what the prediction lacks, slice by slice in two passes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..v1.adaptive_tables import TableSet
from ..v1.frame_coder import to_positions
from ..v1.quantiser import log2_step_eighths
from ..v1.symbol_coder import SymbolReader, SymbolWriter
from .canvas import ValueCanvas
from .context_network import VALUE_BITS
from .inter_tables import FLAG_CHANNELS, InterTables
from .local_quantisers import OffsetCoder, Offsets, of_positions
from .pass_coder import LevelChooser, NetworkPass, PassCoder
from .scan import CHECKERBOARD

_INCREMENT = 512  # of the tables of ``last_slice``
_IS_SO = 1 << VALUE_BITS  # a flag that is set, as a network sees it


@dataclass(frozen=True)
class InterScene:
    """What is known of an inter frame before its levels.

    coded, intra (bh, bw) bool: blocks that carry levels, and those of them that are not predicted.
    prediction (C, h, w) int64: in sixteenths of the step, 0 in intra blocks.
    block: positions a side.
    """

    coded: npt.NDArray[np.bool_]
    intra: npt.NDArray[np.bool_]
    prediction: npt.NDArray[np.int64]
    block: int


class InterLevelCoder:
    """The adaptive tables of inter frames' levels.  Reset at keyframes.

    slices: channels of each.
    level_sizes: as of ``PassCoder``.
    """

    def __init__(
        self, tables: InterTables, slices: tuple[int, ...], level_sizes: npt.NDArray[np.int64]
    ) -> None:
        self._tables, self._slices = tables, slices
        self.passes = PassCoder(tables.level_priors, level_sizes, "inter.")
        self.last_slice = TableSet(tables.level_priors["last_slice"], _INCREMENT, "last_slice")

    def copy(self) -> InterLevelCoder:
        """An independent copy of the state between two frames."""
        other = InterLevelCoder.__new__(InterLevelCoder)
        other._tables, other._slices = self._tables, self._slices
        other.passes, other.last_slice = self.passes.copy(), self.last_slice.copy()
        return other

    def code(
        self,
        io: SymbolWriter | SymbolReader,
        quantiser: int,
        offset_coder: OffsetCoder,
        scene: InterScene,
        choose: LevelChooser | None = None,
        last: npt.NDArray[np.int64] | None = None,
        offsets: Offsets | None = None,
    ) -> tuple[npt.NDArray[np.int64], Offsets]:
        """Code a frame → values (C, h, w) int64 in sixteenths of the step, 0 where nothing is
        coded, and the offsets (h, w) of the quantiser.

        offset_coder: of a frame of this size.  choose, last, offsets: the encoder's quantiser, how
        many slices each block has, (bh, bw), and offsets of squares; None for a reader.  Raises
        ``BitstreamError`` for levels and offsets out of range.
        """
        self.passes.update()
        self.last_slice.update()
        values, size = np.zeros_like(scene.prediction), scene.prediction.shape[1:]
        if not scene.coded.any():
            return values, np.zeros(size, dtype=np.int64)
        if last is None:
            last = np.zeros(scene.coded.shape, dtype=np.int64)
        last = self._code_last(io, scene.coded, last)
        count = int(last.max())
        present = to_positions(last, scene.block)
        local = of_positions(offset_coder.code(io, quantiser, present > 0, offsets), *size)
        canvas = _canvas(scene)
        odd = np.indices(size).sum(0) & 1
        channels, first = sum(self._slices), 0
        for index, width in enumerate(self._slices[:count]):
            visible = (
                *range(first),
                *range(channels + first, channels + first + width),
                *range(2 * channels, 2 * channels + FLAG_CHANNELS),
                *range(first, first + width),
            )
            for second, scan_pass in enumerate(CHECKERBOARD):
                rows, columns = np.nonzero((present > index) & (odd == second))
                if not len(rows):
                    continue
                network, at = self._tables.networks[index], local[rows, columns]
                one = NetworkPass(network, visible, first, scan_pass, rows, columns, at)
                coded = self.passes.code(io, one, log2_step_eighths(quantiser), canvas, choose)
                values[first : first + width, rows, columns] = coded.T
            first += width
        return values, local

    def _code_last(
        self,
        io: SymbolWriter | SymbolReader,
        coded: npt.NDArray[np.bool_],
        last: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.int64]:
        """How many slices each block has, (bh, bw): 0 where nothing is coded."""
        out = np.zeros(coded.shape, dtype=np.int64)
        odd = np.indices(coded.shape).sum(0) & 1
        ids = np.zeros(coded.shape, dtype=np.int64)
        for second in (0, 1):
            if second:
                total, count = _around(out), _around(coded.astype(np.int64))
                mean = (2 * total + count) // np.maximum(2 * count, 1)
                ids = np.where(count > 0, 1 + mean, len(self._slices) + 2)
            places = np.nonzero(coded & (odd == second))
            if len(places[0]):
                blocks = places[0] * coded.shape[1] + places[1]
                symbols = last[places].astype(np.int64)
                out[places] = io.code(self.last_slice, ids[places], symbols, blocks)
        return out


def _around(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Sums of the four direct neighbours, (bh, bw)."""
    padded = np.pad(values, 1)
    total: npt.NDArray[np.int64] = (
        padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    )
    return total


def _canvas(scene: InterScene) -> ValueCanvas:
    """Values to come, the prediction near coded blocks, and the flags."""
    channels, height, width = scene.prediction.shape
    canvas = ValueCanvas(2 * channels + FLAG_CHANNELS, height, width, border=1)
    near = np.pad(to_positions(scene.coded, scene.block), 1)
    near = near[:-2] | near[1:-1] | near[2:]
    near = near[:, :-2] | near[:, 1:-1] | near[:, 2:]
    rows, columns = np.nonzero(near)
    canvas.store(channels, rows, columns, scene.prediction[:, rows, columns].T)
    flags = np.stack([scene.coded, scene.intra & scene.coded], -1)
    at = flags[rows // scene.block, columns // scene.block]
    canvas.store(2 * channels, rows, columns, at.astype(np.int64) * _IS_SO)
    return canvas
