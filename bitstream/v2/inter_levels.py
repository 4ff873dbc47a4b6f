"""Syntax of an inter frame's level layer: the last slice of every coded block, the offsets of the
quantiser, then the levels of what the prediction lacks, slice by slice in two passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..v1.adaptive_tables import TableSet
from ..v1.frame_coder import to_positions
from ..v1.quantiser import log2_step_eighths, step_fixed
from ..v1.symbol_coder import SymbolReader, SymbolWriter
from .canvas import ValueCanvas
from .context_network import VALUE_BITS
from .inter_tables import FLAG_CHANNELS, InterTables
from .local_quantisers import OffsetCoder, Offsets, of_positions
from .pass_coder import LevelChooser, NetworkPass, PassCoder
from .reading import update_tables
from .scan import CHECKERBOARD, ScanPass
from .values import SHIFT, to_values

_INCREMENT = 512  # of the tables of ``last_slice``
Mask = npt.NDArray[np.bool_]
_IS_SO = 1 << VALUE_BITS  # a flag that is set, as a network sees it


@dataclass(frozen=True)
class InterScene:
    """What is known of an inter frame before its levels.

    coded, intra (bh, bw) bool: blocks that carry levels, and those of them that are not predicted.
    predicted (C, h, w) int32: latents, 0 in intra blocks.
    quantiser: of the frame.
    block: positions a side.
    """

    coded: Mask
    intra: Mask
    predicted: npt.NDArray[np.int32]
    quantiser: int
    block: int

    @cached_property
    def prediction(self) -> npt.NDArray[np.int64]:
        """(C, h, w): in sixteenths of the step."""
        return to_values(self.predicted, self.quantiser)

    def seen_from(self, present: Mask) -> InterScene:
        """As levels at positions (h, w) need it."""
        return self


@dataclass(frozen=True)
class UnpredictedScene:
    """The same of a frame whose levels may need little of its prediction.

    predict: makes that (C, h, w), where it is wanted (h, w).
    """

    coded: Mask
    intra: Mask
    predict: Callable[[Mask], npt.NDArray[np.int32]]
    quantiser: int
    block: int

    def seen_from(self, present: Mask) -> InterScene:
        """With what is predicted as far as contexts of these positions see it."""
        predicted = self.predict(_grown(present))
        return InterScene(self.coded, self.intra, predicted, self.quantiser, self.block)


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
        offset_coder: OffsetCoder,
        scene: InterScene | UnpredictedScene,
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
        update_tables(self.last_slice)
        height, width = (blocks * scene.block for blocks in scene.coded.shape)
        size, quantiser = (height, width), scene.quantiser
        nothing = np.zeros((sum(self._slices), *size), np.int64)
        if not scene.coded.any():
            return nothing, np.zeros(size, dtype=np.int64)
        if last is None:
            last = np.zeros(scene.coded.shape, dtype=np.int64)
        last = self._code_last(io, scene.coded, last)
        present = to_positions(last, scene.block)
        local = of_positions(offset_coder.code(io, quantiser, present > 0, offsets), *size)
        if not present.any():
            return nothing, local
        scene, positions = scene.seen_from(present > 0), self._positions(present)
        canvas = self._tables.kernel_contexts.canvas(io, self.passes, size, border=1)
        if canvas is None:
            return self._code_passes(io, scene, positions, local, choose), local
        settings = scene.block, SHIFT, step_fixed(quantiser)
        canvas.begin_inter(scene.predicted, scene.coded, scene.intra, settings)
        for index, scan_pass, rows, columns in positions:
            at = rows, columns, local[rows, columns]
            if choose is None:
                canvas.read(io, index, scan_pass, log2_step_eighths(quantiser), at)
            else:
                canvas.write(io, index, scan_pass, log2_step_eighths(quantiser), at, choose)
        return canvas.values, local

    def _positions(
        self, present: npt.NDArray[np.int64]
    ) -> Iterator[tuple[int, ScanPass, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Slices, their passes, and rows and columns of what these code, as far as there is
        anything; present (h, w): how many slices every position has.
        """
        odd = np.indices(present.shape).sum(0) & 1
        for index in range(int(present.max())):
            for second, scan_pass in enumerate(CHECKERBOARD):
                rows, columns = np.nonzero((present > index) & (odd == second))
                if len(rows):
                    yield index, scan_pass, rows, columns

    def _code_passes(
        self,
        io: SymbolWriter | SymbolReader,
        scene: InterScene,
        positions: Iterator[tuple[int, ScanPass, npt.NDArray[np.int64], npt.NDArray[np.int64]]],
        local: Offsets,
        choose: LevelChooser | None,
    ) -> npt.NDArray[np.int64]:
        """Values (C, h, w)."""
        values, canvas = np.zeros_like(scene.prediction), _canvas(scene)
        channels, log2_step = sum(self._slices), log2_step_eighths(scene.quantiser)
        for index, scan_pass, rows, columns in positions:
            first, width = sum(self._slices[:index]), self._slices[index]
            visible = (
                *range(first),
                *range(channels + first, channels + first + width),
                *range(2 * channels, 2 * channels + FLAG_CHANNELS),
                *range(first, first + width),
            )
            network, at = self._tables.networks[index], local[rows, columns]
            one = NetworkPass(network, visible, first, scan_pass, rows, columns, at)
            coded = self.passes.code(io, one, log2_step, canvas, choose)
            values[first : first + width, rows, columns] = coded.T
        return values

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


def _grown(mask: Mask) -> Mask:
    """Positions and those next to them."""
    near = np.pad(mask, 1)
    near = near[:-2] | near[1:-1] | near[2:]
    return near[:, :-2] | near[:, 1:-1] | near[:, 2:]


def _canvas(scene: InterScene) -> ValueCanvas:
    """Values to come, the prediction near coded blocks, and the flags."""
    channels, height, width = scene.prediction.shape
    canvas = ValueCanvas(2 * channels + FLAG_CHANNELS, height, width, border=1)
    rows, columns = np.nonzero(_grown(to_positions(scene.coded, scene.block)))
    canvas.store(channels, rows, columns, scene.prediction[:, rows, columns].T)
    flags = np.stack([scene.coded, scene.intra & scene.coded], -1)
    at = flags[rows // scene.block, columns // scene.block]
    canvas.store(2 * channels, rows, columns, at.astype(np.int64) * _IS_SO)
    return canvas
