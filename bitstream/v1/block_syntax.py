"""Syntax of the block layer of an inter frame: modes, units that move as one, prediction directions
and motion vectors.

Blocks are coded in the stages of a dyadic lattice (block_lattice.py), so that contexts come from
decoded neighbours on all sides and coding stays vectorised.  One function serves writer and reader:
the writer is handed the values, the reader gives them back.
"""

from __future__ import annotations

from copy import copy

import numpy as np

from ..errors import BitstreamError
from ..group_structure import FrameReference
from .block_context import BlockContext, CodedBlocks
from .block_fields import MODE_INTRA, MODE_RESIDUAL, BlockFields, Direction, Mode
from .block_lattice import StageKind, middle_and_spread, stages
from .block_units import UNIT_SIDES, leaders, unit_grid
from .motion_vectors import NEW_VECTOR, VectorCandidates, keys_of, scaled_keys, vectors_of
from .prediction import VECTOR_LIMIT
from .symbol_coder import SymbolReader, SymbolWriter, TableSet

# vector differences -32..32 have a symbol, the last two symbols are escapes below and above
DELTA_RADIUS = 32


def _favourites() -> np.ndarray:
    """Context 0 to 6 of a direction by the neighbours' votes, counted in octal digits: past,
    future, average.
    """
    votes = np.arange(5 * 64)[:, None] >> np.array([0, 3, 6]) & 7
    most, total = votes.max(1), votes.sum(1)
    return np.where(total > 0, 1 + 2 * votes.argmax(1) + (most == total), 0)


_FAVOURITE = _favourites()


class BlockCoder:
    """The adaptive tables of the block layer, and the block layers of the frames that a frame may
    refer to.  Reset at keyframes.
    """

    def __init__(self, priors: dict[str, np.ndarray], height: int, width: int) -> None:
        increments = {
            "mode": 1024,
            "unit": 1024,
            "direction": 1024,
            "vector_merge": 1024,
            "vector_delta": 512,
        }
        self.tables = {name: TableSet(table, increments[name]) for name, table in priors.items()}
        self.stages = stages(height, width)
        self.known = {0: CodedBlocks.keyframe(height, width)}

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        return self.known[0].fields.modes.shape

    def copy(self) -> BlockCoder:
        """An independent copy of the state between two frames."""
        other = copy(self)
        other.tables = {name: table_set.copy() for name, table_set in self.tables.items()}
        other.known = dict(self.known)
        return other

    def __getstate__(self) -> dict[str, object]:
        """For pickling between two access units: only what the next one sees, and nothing that
        follows from the size.
        """
        return {**vars(self), "stages": None, "known": {0: self.known[max(self.known)]}}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self.stages = stages(*self.grid)

    def start_unit(self) -> None:
        """To be called before the first inter frame of an access unit: the frame displayed last
        becomes the anchor.
        """
        self.known = {0: self.known[max(self.known)]}

    def context(self, entry: FrameReference) -> BlockContext:
        """What the next frame is predicted from; encoders price their choices by it."""
        return BlockContext(self.known, entry)

    def code(
        self, io: SymbolWriter | SymbolReader, fields: BlockFields, entry: FrameReference
    ) -> BlockFields:
        """Code one frame's block layer; the reader's ``fields`` need only have the right shape."""
        for tables in self.tables.values():
            tables.update()
        context = self.context(entry)
        out = BlockFields.blank(*fields.modes.shape, Mode.SKIP)
        self._code_modes(io, fields, out, context)
        self._code_units(io, fields, out, context)
        source = leaders(out.sides)
        predicted = out.modes.reshape(-1) != MODE_INTRA
        if context.two:
            self._code_directions(io, fields, out, context, predicted, source)
        motion = self._code_vectors(io, fields, out, context, predicted, source)
        self.known[entry.number] = CodedBlocks(out, context.distances, motion)
        return out

    def _code_modes(
        self,
        io: SymbolWriter | SymbolReader,
        fields: BlockFields,
        out: BlockFields,
        context: BlockContext,
    ) -> None:
        modes, given = out.modes.reshape(-1), fields.modes.reshape(-1)
        carried = [reference.fields.coded for reference in context.references]
        before = 90 * context.kind + 10 * context.agreeing(carried).reshape(-1)
        # In one plane for one gather: 1 for a block that is coded, 1 + 8 for an intra one.
        seen = np.zeros(out.modes.shape, dtype=np.int64)
        flat = seen.reshape(-1)
        for stage in self.stages:
            if stage.kind == StageKind.FIRST:
                padded = np.pad(carried[0].astype(np.int64), 1)
                around = (
                    padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
                ).reshape(-1)[stage.blocks]
            else:
                around = stage.gather(seen).sum(0)
            contexts = (
                30 * int(stage.kind) + before[stage.blocks] + 5 * (around >= 8) + (around & 7)
            )
            modes[stage.blocks] = chosen = io.code(
                self.tables["mode"], contexts, given[stage.blocks]
            )
            flat[stage.blocks] = (chosen == MODE_RESIDUAL) + 9 * (chosen == MODE_INTRA)

    def _code_units(
        self,
        io: SymbolWriter | SymbolReader,
        fields: BlockFields,
        out: BlockFields,
        context: BlockContext,
    ) -> None:
        """Which units move as one, the large ones first; those with an intra block never do, nor
        those of one block.
        """
        height, width = out.modes.shape
        sides, given = out.sides.reshape(-1), fields.sides.reshape(-1)
        intra, coded = out.modes.reshape(-1) == MODE_INTRA, out.coded.reshape(-1)
        for level, side in enumerate(UNIT_SIDES):
            grid = unit_grid(height, width, side)
            asked = (grid.size > 1) & (grid.count(intra) == 0) & (sides[grid.roots] < side)
            load = 2 * grid.count(coded)
            load = (load > 0) + (load > grid.size).astype(np.int64)
            whole = sides[grid.roots] >= side
            before = context.agreeing(
                [
                    reference.fields.sides.reshape(-1)[grid.roots] >= side
                    for reference in context.references
                ]
            )
            fixed = 54 * (2 * level + context.two) + 9 * load + 3 * before
            for second in (False, True):
                chosen = np.flatnonzero(asked & (grid.second == second))
                if not len(chosen):
                    continue
                ids = fixed[chosen] + 27 * second + ((grid.neighbours(whole) + 1) >> 1)[chosen]
                whole[chosen] = io.code(
                    self.tables["unit"], ids, (given[grid.roots[chosen]] >= side).astype(np.int64)
                )
            joined = (whole & asked)[grid.of_block]
            sides[joined] = side

    def _code_directions(
        self,
        io: SymbolWriter | SymbolReader,
        fields: BlockFields,
        out: BlockFields,
        context: BlockContext,
        predicted: np.ndarray,
        source: np.ndarray,
    ) -> None:
        flat, given, of_source = (
            out.directions.reshape(-1),
            fields.directions.reshape(-1),
            context.source.fields,
        )
        wanted = predicted & (source == np.arange(len(source)))
        fixed = 7 * (out.sides >> 1) + 21 * np.where(
            of_source.modes == MODE_INTRA, len(Direction), of_source.directions
        )
        fixed, many = fixed.reshape(-1), len(source) > np.count_nonzero(wanted)
        # 1, 8 or 64 by the direction of every block decoded
        voices = np.zeros(out.modes.shape, dtype=np.int64)
        heard = voices.reshape(-1)
        for stage in self.stages:
            chosen = wanted[stage.blocks]
            count = np.count_nonzero(chosen)
            if not count:
                continue
            here = stage if count == len(chosen) else stage.select(chosen)
            ids = _FAVOURITE[here.gather(voices).sum(0)] + fixed[here.blocks]
            flat[here.blocks] = directions = io.code(
                self.tables["direction"], ids, given[here.blocks]
            )
            heard[here.blocks] = 1 << 3 * directions
            if many:
                heard[:] = heard[source]
        flat[:] = flat[source]

    def _code_vectors(
        self,
        io: SymbolWriter | SymbolReader,
        fields: BlockFields,
        out: BlockFields,
        context: BlockContext,
        predicted: np.ndarray,
        source: np.ndarray,
    ) -> np.ndarray:
        """Past and future vectors lie in two layers of one plane, so that a stage is one call for
        both → the motion of the frame.
        """
        (height, width), layers, size = out.modes.shape, len(context.distances), len(predicted)
        directions = out.directions.reshape(-1)
        uses = np.concatenate(
            [
                predicted & (directions != Direction.FUTURE),
                predicted & (directions != Direction.PAST),
            ][:layers]
        )
        # A block predicted from both sides moves on a straight line, seen from the references.
        mirrors = np.zeros_like(uses)
        if context.two:
            mirrors[size:] = uses[:size] & uses[size:]
        motion, differs = np.zeros((2, layers * height, width), dtype=np.int64)  # motion in keys
        known, marks = motion.reshape(-1), differs.reshape(layers, size)
        temporal, expected_keys = (
            context.temporal.reshape(-1, 2),
            keys_of(context.temporal).reshape(-1),
        )
        writing = isinstance(io, SymbolWriter)
        given = keys_of(fields.vectors[:layers]).reshape(-1) if writing else known
        available = np.concatenate([predicted] * layers).reshape(differs.shape)
        sources = np.concatenate([source + layer * size for layer in range(layers)])
        leads = uses & (sources == np.arange(len(sources)))
        follows = np.flatnonzero(sources != np.arange(len(sources)))
        leader = sources[follows]
        # from vectors to the past to those to the future
        straight = context.distances[-1], context.distances[0]
        large = np.concatenate([90 * (out.sides.reshape(-1) > 1)] * layers)
        single = np.concatenate([directions != Direction.AVERAGE] * layers) if context.two else None
        for stage in stages(height, width, layers):
            chosen = leads[stage.blocks]
            count = np.count_nonzero(chosen)
            if not count:
                continue
            here = stage if count == len(chosen) else stage.select(chosen)
            blocks = here.blocks
            around = here.gather(motion)
            base, spread = middle_and_spread(
                vectors_of(around), here.gather(available), temporal[blocks]
            )
            base = keys_of(base)
            mirrored = mirrors[blocks].nonzero()[0]
            if writing and len(mirrored):
                base[mirrored] = scaled_keys(given[blocks[mirrored] - size], *straight)
            place = np.full(count, int(stage.kind == StageKind.EDGE))
            place[mirrored] = 2
            candidates = VectorCandidates(base, expected_keys[blocks], around, mirrored)
            ids = large[blocks] + 30 * place + 6 * here.gather(differs).sum(0) + candidates.others
            wanted, merges = given[blocks], blocks
            if writing:
                merges = candidates.symbols(wanted)
            merges = io.code(self.tables["vector_merge"], ids, merges)
            changed = merges.nonzero()[0]
            if len(changed):
                marks[:, blocks[changed] % size] = 1
                index = candidates.chosen(merges)
                vectors = candidates.keys[index, np.arange(count)]
                mirrored = mirrored[index[mirrored] == 0]
                moved = changed[merges[changed] == NEW_VECTOR]
            else:
                vectors, moved = base, changed
            vectors[mirrored] = 0
            if len(moved):
                difference = (
                    vectors_of(wanted[moved] - base[moved]) if writing else vectors_of(moved)
                )
                vertical = self._code_delta(io, spread[moved], difference[:, 0])
                horizontal = self._code_delta(
                    io, 3 + 2 * spread[moved] + (vertical == 0), difference[:, 1]
                )
                vectors[moved] += keys_of(np.stack([vertical, horizontal], -1))
            known[blocks] = vectors
            if len(mirrored):
                # Only now are the vectors to the past known that these turn around.
                known[blocks[mirrored]] += scaled_keys(known[blocks[mirrored] - size], *straight)
            if len(moved) and np.abs(vectors_of(known[blocks[moved]])).max() > VECTOR_LIMIT:
                raise BitstreamError(f"motion vector outside ±{VECTOR_LIMIT} px")
            if single is not None:
                self._complete(known, blocks[single[blocks]], context.distances)
            if len(follows) and np.count_nonzero(large[blocks]):
                known[follows] = known[leader]
                differs.reshape(-1)[follows] = differs.reshape(-1)[leader]
        vectors = vectors_of(motion).reshape(layers, height, width, 2)
        out.vectors[:layers] = vectors * uses.reshape(layers, height, width, 1)
        return vectors

    @staticmethod
    def _complete(motion: np.ndarray, blocks: np.ndarray, distances: tuple[int, ...]) -> None:
        """What the vectors of blocks that use one of two references say about the other."""
        size = len(motion) // 2
        past, future = blocks[blocks < size], blocks[blocks >= size]
        motion[past + size] = scaled_keys(motion[past], distances[1], distances[0])
        motion[future - size] = scaled_keys(motion[future], distances[0], distances[1])

    def _code_delta(
        self, io: SymbolWriter | SymbolReader, ids: np.ndarray, values: np.ndarray
    ) -> np.ndarray:
        low, high = 2 * DELTA_RADIUS + 1, 2 * DELTA_RADIUS + 2
        symbols = np.where(
            values < -DELTA_RADIUS,
            low,
            np.where(values > DELTA_RADIUS, high, values + DELTA_RADIUS),
        )
        symbols = io.code(self.tables["vector_delta"], ids, symbols)
        out = symbols - DELTA_RADIUS
        escaped = symbols >= low
        if not np.count_nonzero(escaped):
            return out
        beyond = io.code_escapes(np.abs(values[escaped]) - DELTA_RADIUS - 1)
        out[escaped] = np.where(symbols[escaped] == low, -1, 1) * (beyond + DELTA_RADIUS + 1)
        return out
