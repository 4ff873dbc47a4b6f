"""What every part of a frame cost, in bits: for looking at a stream, not for decoding it.

No torch.

A symbol costs -log2 of its probability in the tables that decode it; an escape also its own bits.
Levels belong to their latent position. What the block layer says of a block (mode, direction,
vectors, and whether units move as one) is spread evenly over the positions that it speaks for: a
mode over its block, the rest over the whole unit.  So the sum over a frame is the ideal code length
of the frame, which ``LatentFrame`` knows as ``block_bits + level_bits``; the bytes of an access
unit are those of its frames, its header, and the few bits by which a range coder misses the ideal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.blas_threads import one_blas_thread
from bitstream.errors import BitstreamError
from bitstream.group_structure import FrameReference, walk_group
from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.block_lattice import stages
from bitstream.v1.block_syntax import BlockCoder
from bitstream.v1.block_units import UNIT_SIDES, leaders, unit_grid
from bitstream.v1.frame_coder import FrameCoder, to_positions
from bitstream.v1.level_syntax import LevelCoder
from bitstream.v1.motion_vectors import NEW_VECTOR
from bitstream.v1.prediction import ReferenceFrame
from bitstream.v1.symbol_coder import SymbolReader, TableSet
from bitstream.v1.tables import CodecTables

_ESCAPE_LENGTH_BITS = 4


@dataclass(frozen=True)
class _Call:
    """Symbols (n,) read in one call, and what each cost."""

    tables: TableSet
    symbols: np.ndarray
    bits: np.ndarray


class _Meter(SymbolReader):
    """A reader that remembers what its symbols cost; ``calls`` since it was last emptied."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.calls: list[_Call] = []

    def code(
        self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray | None = None
    ) -> np.ndarray:
        found = super().code(tables, ids, symbols)
        self.calls.append(_Call(tables, found, tables.costs[ids, found]))
        return found

    def code_escapes(self, values: np.ndarray) -> np.ndarray:
        found = super().code_escapes(values)
        call = self.calls[-1]  # whose last two symbols are those that escape
        lengths = np.floor(np.log2(found + 1.0))
        call.bits[call.symbols >= call.tables.frequencies.shape[1] - 2] += (
            _ESCAPE_LENGTH_BITS + lengths
        )
        return found


class _MeteredLevels(LevelCoder):
    """``spent`` (h, w) float64: bits of levels at every position of the frame that was decoded
    last.
    """

    def __init__(self, tables: CodecTables, height: int, width: int) -> None:
        super().__init__(tables, height, width)
        self.spent = np.zeros((height, width))

    def code(self, io: _Meter, *args: object) -> np.ndarray:
        self.spent[:] = 0
        io.calls.clear()
        return super().code(io, *args)

    def _code_pass(
        self,
        io: _Meter,
        kind: int,
        index: int,
        start: int,
        second: bool,
        rows: np.ndarray,
        columns: np.ndarray,
        *rest,
    ) -> np.ndarray:
        values = super()._code_pass(io, kind, index, start, second, rows, columns, *rest)
        (call,) = io.calls
        self.spent[rows, columns] += call.bits.reshape(len(rows), -1).sum(1)
        io.calls.clear()
        return values


class _MeteredBlocks(BlockCoder):
    """``spent`` (bh, bw) float64: bits of the block layer in every block of the frame that was
    decoded last.
    """

    def __init__(self, priors: dict[str, np.ndarray], height: int, width: int) -> None:
        super().__init__(priors, height, width)
        self.spent = np.zeros((height, width))

    def code(self, io: _Meter, fields: BlockFields, entry: FrameReference) -> BlockFields:
        io.calls.clear()
        context = self.context(entry)
        out = super().code(io, fields, entry)
        self.spent = self._attributed(iter(io.calls), out, context)
        return out

    def _attributed(
        self, calls: Iterator[_Call], out: BlockFields, context: BlockContext
    ) -> np.ndarray:
        """Goes through the calls in the order of the syntax: every call spoke for the same blocks
        then as it does now.
        """
        spent = np.zeros(out.modes.size)
        for stage in self.stages:
            spent[stage.blocks] += next(calls).bits
        self._add_units(calls, out, spent)
        source = leaders(out.sides)
        predicted = out.modes.reshape(-1) != Mode.INTRA
        of_leader = np.zeros_like(spent)
        leads = predicted & (source == np.arange(len(source)))
        if context.two:
            for stage in self.stages:
                here = stage.blocks[leads[stage.blocks]]
                if len(here):
                    of_leader[here] += next(calls).bits
        self._add_vectors(calls, out, leads, len(context.distances), of_leader)
        if next(calls, None) is not None:
            raise AssertionError("the block layer has symbols that nothing here knows of")
        spent += (of_leader / np.maximum(np.bincount(source, minlength=len(source)), 1))[source]
        return spent.reshape(out.modes.shape)

    @staticmethod
    def _add_units(calls: Iterator[_Call], out: BlockFields, spent: np.ndarray) -> None:
        intra, sides = (out.modes == Mode.INTRA).reshape(-1), out.sides.reshape(-1)
        for side in UNIT_SIDES:
            grid = unit_grid(*out.modes.shape, side)
            inside_larger = sides[grid.roots] > side
            asked = (grid.size > 1) & (grid.count(intra) == 0) & ~inside_larger
            for second in (False, True):
                chosen = np.flatnonzero(asked & (grid.second == second))
                if len(chosen):
                    bits = np.zeros(len(grid.roots))
                    bits[chosen] = next(calls).bits
                    spent += (bits / grid.size)[grid.of_block]

    @staticmethod
    def _add_vectors(
        calls: Iterator[_Call],
        out: BlockFields,
        leads: np.ndarray,
        layers: int,
        of_leader: np.ndarray,
    ) -> None:
        directions, size = out.directions.reshape(-1), len(of_leader)
        uses = np.concatenate(
            [leads & (directions != Direction.FUTURE), leads & (directions != Direction.PAST)][
                :layers
            ]
        )
        for stage in stages(*out.modes.shape, layers):
            here = stage.blocks[uses[stage.blocks]]
            if not len(here):
                continue
            merges = next(calls)
            np.add.at(of_leader, here % size, merges.bits)
            moved = here[merges.symbols == NEW_VECTOR] % size
            if len(moved):
                np.add.at(of_leader, moved, next(calls).bits + next(calls).bits)  # rows, columns


class CodeLengths:
    """Decodes access units in order, from a keyframe on, for what their parts cost."""

    def __init__(self, tables: CodecTables) -> None:
        self._tables = tables
        self._coder: FrameCoder | None = None
        self._anchor: ReferenceFrame | None = None

    def of(self, unit: AccessUnit) -> list[np.ndarray]:
        """(h, w) float32 for every frame of a unit, in display order: the bits of every latent
        position, block layer and levels.

        Raises ``BitstreamError`` for a damaged unit, and for one whose keyframe did not come before
        it.
        """
        coder, anchor = self._coder, self._anchor
        self._coder = self._anchor = None
        meter = _Meter(unit.payload)
        with one_blas_thread():
            if unit.is_keyframe:
                coder = self._new_coder(unit)
                frame = coder.code_keyframe(meter, unit.quantisers[0])
                maps, last = (
                    [coder.levels.spent.astype(np.float32)],
                    ReferenceFrame(frame.latents.astype(np.int32)),
                )
            elif coder is None or anchor is None:
                raise BitstreamError("it needs the keyframe before it, which is missing or damaged")
            else:
                maps, last = _inter_maps(coder, anchor, unit, meter)
        self._coder, self._anchor = coder, last
        return maps

    def _new_coder(self, unit: AccessUnit) -> FrameCoder:
        header, block = unit.header, 1 << unit.header.block_log2
        coder = FrameCoder(self._tables, header.latent_height, header.latent_width, block)
        coder.blocks = _MeteredBlocks(
            self._tables.block_priors, header.latent_height // block, header.latent_width // block
        )
        coder.levels = _MeteredLevels(self._tables, header.latent_height, header.latent_width)
        return coder


def _inter_maps(
    coder: FrameCoder, anchor: ReferenceFrame, unit: AccessUnit, meter: _Meter
) -> tuple[list[np.ndarray], ReferenceFrame]:
    coder.start_unit()
    quantisers = dict(zip(unit.references, unit.quantisers))
    maps: dict[int, np.ndarray] = {}

    def decode(entry: FrameReference, references: tuple[ReferenceFrame, ...]) -> ReferenceFrame:
        frame = coder.code_inter(meter, quantisers[entry], entry, references)
        spread = to_positions(coder.blocks.spent / coder.block**2, coder.block)
        maps[entry.display_index] = (spread + coder.levels.spent).astype(np.float32)
        return ReferenceFrame(frame.latents.astype(np.int32))

    last = walk_group(unit.references, anchor, decode)[-1]
    return [maps[index] for index in range(unit.frame_count)], last
