"""Syntax of the block layer of an inter frame: modes, units that move as one, prediction directions and motion vectors.

Blocks are coded in the stages of a dyadic lattice (block_lattice.py), so that contexts come from decoded neighbours on all
sides and coding stays vectorised.  One function serves writer and reader: the writer is handed the values, the reader gives
them back.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from .block_lattice import Stage, StageKind, middle_and_spread, stages
from .block_units import UNIT_SIDES, leaders, unit_grid
from .errors import BitstreamError
from .prediction import VECTOR_LIMIT
from .symbol_coder import SymbolReader, SymbolWriter, TableSet

NEW_VECTOR = 6  # symbol of a vector that is neither its predictor (0), a neighbour's (1 to 4) nor the frame's before (5)
DELTA_RADIUS = 32  # vector differences -32..32 have a symbol, the last two symbols are escapes below and above


class Mode(IntEnum):
    """How a block is reconstructed."""

    SKIP = 0  # the prediction as it is
    RESIDUAL = 1  # the prediction plus coded levels
    GENERATE = 2  # the prediction as it is, marked for inpainting by the restoration
    INTRA = 3  # coded levels alone


_RESIDUAL, _INTRA = int(Mode.RESIDUAL), int(Mode.INTRA)  # comparing with plain integers takes half as long


class Direction(IntEnum):
    """Which references a predicted block uses."""

    PAST = 0
    FUTURE = 1
    AVERAGE = 2


def carries_levels(modes: np.ndarray) -> np.ndarray:
    """Which of these modes have levels coded, as bool of the same shape."""
    return (modes == _RESIDUAL) | (modes == _INTRA)


@dataclass
class BlockFields:
    """What the block layer says of one frame, on the block grid (bh, bw).

    modes (bh, bw) int64 of ``Mode``; directions (bh, bw) int64 of ``Direction``; vectors (2, bh, bw, 2) int64 px as
    (dy, dx), past then future, zero where a reference is not used; sides (bh, bw) int64: 1, or 2 or 4 for the blocks of a
    unit of so many blocks a side, which share direction and vectors and of which none is intra.
    """

    modes: np.ndarray
    directions: np.ndarray
    vectors: np.ndarray
    sides: np.ndarray

    @classmethod
    def blank(cls, height: int, width: int, mode: Mode) -> BlockFields:
        """Every block in ``mode`` and by itself, past reference, no motion."""
        return cls(
            np.full((height, width), int(mode), dtype=np.int64),
            np.zeros((height, width), dtype=np.int64),
            np.zeros((2, height, width, 2), dtype=np.int64),
            np.ones((height, width), dtype=np.int64),
        )

    @property
    def coded(self) -> np.ndarray:
        """(bh, bw) bool: blocks that carry levels."""
        return carries_levels(self.modes)


class VectorPredictor:
    """Predicts the vectors of a plane while they become known; encoders use it to price their choices.

    ``vectors`` (rows, columns, 2), filled in by the caller; ``uses`` (rows, columns) bool: blocks that have a vector;
    ``fallback`` (rows, columns, 2) for blocks without a decoded neighbour.
    """

    def __init__(self, vectors: np.ndarray, uses: np.ndarray, fallback: np.ndarray) -> None:
        self._vectors, self._uses, self._fallback = vectors, uses, fallback.reshape(-1, 2)

    def predict(self, stage: Stage) -> tuple[np.ndarray, np.ndarray]:
        """Predictor (n, 2) and spread class (n,) of all blocks of a stage."""
        available = stage.gather(self._uses)
        around = stage.gather(self._vectors)
        fallback = self._fallback[stage.blocks]
        if np.count_nonzero(around):
            return middle_and_spread(around, available, fallback)
        # Nothing moves around here, which is most of most pictures: the same, quicker.
        count = available.sum(0)
        return np.where(count[:, None] > 0, 0, fallback), np.where(count >= 2, 0, 1)


class BlockCoder:
    """The adaptive tables of the block layer, and what of the previous frame serves as context.  Reset at keyframes."""

    def __init__(self, priors: dict[str, np.ndarray], height: int, width: int) -> None:
        increments = {"mode": 1024, "unit": 1024, "direction": 1024, "vector_merge": 1024, "vector_delta": 512}
        self.tables = {name: TableSet(table, increments[name]) for name, table in priors.items()}
        self.previous = BlockFields.blank(height, width, Mode.SKIP)
        self.stages = stages(height, width)

    def copy(self) -> BlockCoder:
        """An independent copy of the state between two frames."""
        other = copy(self)
        other.tables = {name: table_set.copy() for name, table_set in self.tables.items()}
        return other

    def code(self, io: SymbolWriter | SymbolReader, fields: BlockFields, two_references: bool) -> BlockFields:
        """Code one frame's block layer; the reader's ``fields`` need only have the right shape.

        With one reference, vectors without a decoded neighbour are predicted from the frame coded before, else from zero.
        """
        for tables in self.tables.values():
            tables.update()
        out = BlockFields.blank(*fields.modes.shape, Mode.SKIP)
        self._code_modes(io, fields, out)
        self._code_units(io, fields, out, two_references)
        source = leaders(out.sides)
        predicted = out.modes != Mode.INTRA
        if two_references:
            self._code_directions(io, fields, out, predicted, source)
        self._code_vectors(io, fields, out, predicted, source, two_references)
        self.previous = out
        return out

    def fallback(self, two_references: bool) -> np.ndarray:
        """(bh, bw, 2) vectors that predict blocks without a decoded neighbour."""
        return np.zeros_like(self.previous.vectors[0]) if two_references else self.previous.vectors[0]

    def _code_modes(self, io: SymbolWriter | SymbolReader, fields: BlockFields, out: BlockFields) -> None:
        modes, given = out.modes.reshape(-1), fields.modes.reshape(-1)
        before, coded = self.previous.coded.astype(np.int64), np.zeros(modes.shape, dtype=np.int64)
        for stage in self.stages:
            if stage.kind == StageKind.FIRST:
                padded = np.pad(before, 1)
                around = (padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]).reshape(-1)[stage.blocks]
            else:
                around = stage.gather(coded.reshape(before.shape)).sum(0)
            contexts = 10 * int(stage.kind) + 5 * before.reshape(-1)[stage.blocks] + around
            modes[stage.blocks] = chosen = io.code(self.tables["mode"], contexts, given[stage.blocks])
            coded[stage.blocks] = carries_levels(chosen)

    def _code_units(self, io: SymbolWriter | SymbolReader, fields: BlockFields, out: BlockFields, two_references: bool) -> None:
        """Which units move as one, the large ones first; those with an intra block never do, nor those of one block."""
        height, width = out.modes.shape
        sides, given, before = out.sides.reshape(-1), fields.sides.reshape(-1), self.previous.sides.reshape(-1)
        intra, coded = out.modes.reshape(-1) == _INTRA, out.coded.reshape(-1)
        for level, side in enumerate(UNIT_SIDES):
            grid = unit_grid(height, width, side)
            asked = (grid.size > 1) & (grid.count(intra) == 0) & (sides[grid.roots] < side)
            load = 2 * grid.count(coded)
            load = (load > 0) + (load > grid.size).astype(np.int64)
            whole = sides[grid.roots] >= side
            fixed = 36 * (2 * level + two_references) + 6 * load + 3 * (before[grid.roots] >= side)
            for second in (False, True):
                chosen = np.flatnonzero(asked & (grid.second == second))
                if not len(chosen):
                    continue
                ids = fixed[chosen] + 18 * second + ((grid.neighbours(whole) + 1) >> 1)[chosen]
                whole[chosen] = io.code(self.tables["unit"], ids, (given[grid.roots[chosen]] >= side).astype(np.int64))
            joined = (whole & asked)[grid.of_block]
            sides[joined] = side

    def _code_directions(
        self, io: SymbolWriter | SymbolReader, fields: BlockFields, out: BlockFields, predicted: np.ndarray, source: np.ndarray
    ) -> None:
        flat, given = out.directions.reshape(-1), fields.directions.reshape(-1)
        wanted = predicted.reshape(-1) & (source == np.arange(len(source)))
        units, many = out.sides.reshape(-1) >> 1, len(source) > np.count_nonzero(wanted)
        voices = np.zeros((*predicted.shape, len(Direction)), dtype=np.int64)  # one at the direction of every block decoded
        heard = voices.reshape(len(flat), -1)
        for stage in self.stages:
            chosen = wanted[stage.blocks]
            if not np.count_nonzero(chosen):
                continue
            blocks = stage.blocks[chosen]
            votes = stage.gather(voices).sum(0)[chosen]
            most, total = votes.max(1), votes.sum(1)
            ids = np.where(total > 0, 1 + 2 * votes.argmax(1) + (most == total), 0) + 7 * units[blocks]
            flat[blocks] = directions = io.code(self.tables["direction"], ids, given[blocks])
            heard[blocks, directions] = 1
            if many:
                heard[:] = heard[source]
        flat[:] = flat[source]

    def _code_vectors(
        self,
        io: SymbolWriter | SymbolReader,
        fields: BlockFields,
        out: BlockFields,
        predicted: np.ndarray,
        source: np.ndarray,
        two_references: bool,
    ) -> None:
        """Past and future vectors lie in two layers of one plane, so that a stage is one call for both."""
        (height, width), layers = predicted.shape, 1 + two_references
        uses = np.stack([predicted & (out.directions != Direction.FUTURE), predicted & (out.directions != Direction.PAST)])[:layers]
        # A block predicted from both sides moves on a straight line, seen from the middle of the two references.
        mirrors = np.zeros_like(uses)
        mirrors[1:] = uses[0] & uses[-1]
        vectors = out.vectors[:layers].reshape(layers * height, width, 2)
        differs = np.zeros(vectors.shape[:2], dtype=np.int64)
        fallback = np.concatenate([self.fallback(two_references)] * layers)
        predictor = VectorPredictor(vectors, uses.reshape(differs.shape), fallback)
        given, known = fields.vectors[:layers].reshape(-1, 2), vectors.reshape(-1, 2)
        sources = np.concatenate([source + layer * height * width for layer in range(layers)])
        leads = uses.reshape(-1) & (sources == np.arange(len(sources)))
        follows = np.flatnonzero(uses.reshape(-1) & ~leads)
        leader = sources[follows]
        large = np.concatenate([out.sides.reshape(-1) > 1] * layers).astype(np.int64)
        before, writing = self.previous.vectors[:layers].reshape(-1, 2), isinstance(io, SymbolWriter)
        for stage in stages(height, width, layers):
            chosen = leads[stage.blocks]
            if not np.count_nonzero(chosen):
                continue
            blocks = stage.blocks[chosen]
            base, spread = (values[chosen] for values in predictor.predict(stage))
            mirrored = mirrors.reshape(-1)[blocks].nonzero()[0]
            place = np.full(len(blocks), int(stage.kind == StageKind.EDGE))
            place[mirrored] = 2
            ids = 45 * large[blocks] + 15 * place + 3 * stage.gather(differs).sum(0)[chosen] + spread
            wanted, others, merges = given[blocks], None, blocks
            if writing:
                base[mirrored] = -given[blocks[mirrored] - height * width]
                others = self._others(stage, chosen, vectors, before)
                found = np.concatenate([(base == wanted).all(-1)[None], (others == wanted).all(-1)])
                merges = np.where(found.any(0), found.argmax(0), NEW_VECTOR)
            merges = io.code(self.tables["vector_merge"], ids, merges)
            known[blocks] = base
            straight, moved, changed = mirrored, merges[:0], merges.nonzero()[0]
            if len(changed):
                differs.reshape(-1)[blocks[changed]] = 1
                new = merges[changed] == NEW_VECTOR
                moved, copied = changed[new], changed[~new]
                if len(copied):
                    others = self._others(stage, chosen, vectors, before) if others is None else others
                    known[blocks[copied]] = others[merges[copied] - 1, copied]
                straight = mirrored[(merges[mirrored] == 0) | (merges[mirrored] == NEW_VECTOR)]
            known[blocks[straight]] = 0
            if len(moved):
                difference = wanted[moved] - base[moved]
                vertical = self._code_delta(io, spread[moved], difference[:, 0])
                known[blocks[moved], 0] += vertical
                known[blocks[moved], 1] += self._code_delta(io, 3 + 2 * spread[moved] + (vertical == 0), difference[:, 1])
            # Only now are the vectors to the past known that the mirrored ones turn around.
            known[blocks[straight]] -= known[blocks[straight] - height * width]
            if len(moved) and np.abs(known[blocks]).max() > VECTOR_LIMIT:
                raise BitstreamError(f"motion vector outside ±{VECTOR_LIMIT} px")
            if len(follows) and large[blocks].any():
                known[follows] = known[leader]
                differs.reshape(-1)[follows] = differs.reshape(-1)[leader]

    @staticmethod
    def _others(stage: Stage, chosen: np.ndarray, vectors: np.ndarray, before: np.ndarray) -> np.ndarray:
        """What the chosen blocks of a stage can merge with: the vectors of their four neighbours and of the frame before, (5, n, 2)."""
        return np.concatenate([stage.gather(vectors)[:, chosen], before[stage.blocks[chosen]][None]])

    def _code_delta(self, io: SymbolWriter | SymbolReader, ids: np.ndarray, values: np.ndarray) -> np.ndarray:
        low, high = 2 * DELTA_RADIUS + 1, 2 * DELTA_RADIUS + 2
        symbols = np.where(values < -DELTA_RADIUS, low, np.where(values > DELTA_RADIUS, high, values + DELTA_RADIUS))
        symbols = io.code(self.tables["vector_delta"], ids, symbols)
        out = symbols - DELTA_RADIUS
        escaped = symbols >= low
        if not np.count_nonzero(escaped):
            return out
        beyond = io.code_escapes(np.abs(values[escaped]) - DELTA_RADIUS - 1)
        out[escaped] = np.where(symbols[escaped] == low, -1, 1) * (beyond + DELTA_RADIUS + 1)
        return out
