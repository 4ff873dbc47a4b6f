"""Syntax of the motion vectors of an inter frame: section 6.5 of FORMAT.md, step by step as there.

For every stage: ``_predict`` gives each vector a predictor, its spread and its candidates;
``_code_merges`` codes which candidate it is, if any; ``_code_differences`` codes new vectors as
differences to the predictor; ``_complete`` puts the motion of the stage together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..errors import BitstreamError
from .adaptive_tables import TableSet
from .block_context import BlockContext
from .block_elements import (
    DIFFERENCE_RADIUS,
    HORIZONTAL_DIFFERENCE,
    NEW_VECTOR,
    PLACE_EDGE,
    PLACE_MIRRORED,
    VECTOR_MERGE,
    VERTICAL_DIFFERENCE,
)
from .block_fields import MODE_INTRA, BlockFields, Direction
from .block_lattice import Stage, StageKind, middle_and_extent, spread_class, stages
from .context_layouts import ContextLayout
from .motion_vectors import VectorCandidates, keys_of, scaled_keys, vectors_of
from .prediction import VECTOR_LIMIT
from .symbol_coder import SymbolReader, SymbolWriter

_ESCAPE_BELOW, _ESCAPE_ABOVE = 2 * DIFFERENCE_RADIUS + 1, 2 * DIFFERENCE_RADIUS + 2


@dataclass
class _StageVectors:
    """The n vectors of one stage, those to the past before those to the future.

    part: the stage with their blocks alone, as indices into the plane of layers; blocks (n,): the
    same as indices into the grid; predictors (n,): keys, without meaning for mirrored ones while
    reading; spread (n,): class of the neighbours' spread; mirrored: indices of vectors with a
    mirrored predictor; candidates: what the vectors can be without being new; values (n,): keys
    that the writer was handed, without meaning while reading.
    """

    part: Stage
    blocks: np.ndarray
    predictors: np.ndarray
    spread: np.ndarray
    mirrored: np.ndarray
    candidates: VectorCandidates
    values: np.ndarray


class VectorLayer:
    """The vectors of one frame while they are coded.

    Vectors to the past and to the future lie in two layers of one plane (layers · bh, bw), so that
    a stage is one call for both.  Motion is held as keys (``motion_vectors.keys_of``).
    """

    _MERGE: ClassVar[ContextLayout] = VECTOR_MERGE
    _DIFFERENCES: ClassVar[tuple[ContextLayout, ContextLayout]] = (
        VERTICAL_DIFFERENCE,
        HORIZONTAL_DIFFERENCE,
    )
    spread = staticmethod(spread_class)

    def __init__(
        self,
        io: SymbolWriter | SymbolReader,
        tables: dict[str, TableSet],
        out: BlockFields,
        context: BlockContext,
        leader_of: np.ndarray,
    ) -> None:
        """``out``: modes, directions and sides of the frame are known, vectors are to come."""
        self._io, self._tables, self._out, self._context = io, tables, out, context
        self._writing = isinstance(io, SymbolWriter)
        (height, width), layers = out.modes.shape, len(context.distances)
        self._size, self._layers = height * width, layers
        directions = out.directions.reshape(-1)
        predicted = out.modes.reshape(-1) != MODE_INTRA
        to_past, to_future = directions != Direction.FUTURE, directions != Direction.PAST
        self._uses = np.concatenate([predicted & to_past, predicted & to_future][:layers])
        self._motion, self._moved = np.zeros((2, layers * height, width), dtype=np.int64)
        self._available = np.concatenate([predicted] * layers).reshape(self._motion.shape)
        self._temporal = context.temporal.reshape(-1, 2)
        self._temporal_keys = keys_of(context.temporal).reshape(-1)
        # A block predicted from both sides moves on a straight line, seen from the references.
        self._mirrors = np.zeros_like(self._uses)
        if context.has_future:
            self._mirrors[self._size :] = self._uses[: self._size] & self._uses[self._size :]
        # Blocks of merged ones, in all layers: who leads, who follows, and whom.
        every_leader = np.concatenate([leader_of + layer * self._size for layer in range(layers)])
        alone = every_leader == np.arange(len(every_leader))
        self._leads = self._uses & alone
        self._followers = np.flatnonzero(~alone)
        self._followed = every_leader[self._followers]
        merged = np.concatenate([out.sides.reshape(-1) > 1] * layers)
        sizes = np.concatenate([out.sides.reshape(-1)] * layers)
        self._fixed = self._merge_context(sizes)
        self._merged = merged if len(self._followers) else None

    def code(self, fields: BlockFields) -> np.ndarray:
        """Code all vectors into ``out``; ``fields`` are what a writer writes → the motion of the
        frame (layers, bh, bw, 2) px to each reference.
        """
        height, width = self._out.modes.shape
        layers, known = self._layers, self._motion.reshape(-1)
        values = keys_of(fields.vectors[:layers]).reshape(-1) if self._writing else known
        for stage in stages(height, width, layers):
            part = stage.restricted(self._leads)
            if part is None:
                continue
            vectors = self._predict(part, values)
            symbols, keys = self._code_merges(vectors)
            new = (symbols == NEW_VECTOR).nonzero()[0]
            if len(new):
                keys[new] += self._code_differences(vectors, new)
            self._complete(vectors, keys, new)
        motion = vectors_of(self._motion).reshape(layers, height, width, 2)
        self._out.vectors[:layers] = motion * self._uses.reshape(layers, height, width, 1)
        return motion

    def _merge_context(self, sides: np.ndarray) -> np.ndarray:
        """What the sides of merged blocks (n,) say about their vectors."""
        return self._MERGE.index(merged=sides > 1)

    def _mirror(self, to_past: np.ndarray) -> np.ndarray:
        """Keys of vectors to the past → to the future, on a straight line."""
        past, future = self._context.distances
        return scaled_keys(to_past, future, past)

    def _predict(self, part: Stage, values: np.ndarray) -> _StageVectors:
        """The predictors of a stage's vectors, their spread, and the candidates."""
        blocks = part.blocks
        near = part.gather(self._motion)
        predictors, extent = middle_and_extent(
            vectors_of(near), part.gather(self._available), self._temporal[blocks]
        )
        predictors = keys_of(predictors)
        mirrored = self._mirrors[blocks].nonzero()[0]
        if self._writing and len(mirrored):
            predictors[mirrored] = self._mirror(values[blocks[mirrored] - self._size])
        return _StageVectors(
            part,
            blocks % self._size,
            predictors,
            self.spread(extent),
            mirrored,
            VectorCandidates(predictors, self._temporal_keys[blocks], near, mirrored),
            values[blocks],
        )

    def _code_merges(self, vectors: _StageVectors) -> tuple[np.ndarray, np.ndarray]:
        """The symbol of every vector, and the key of the candidate that it names; for a new vector
        that is the predictor.  A mirrored predictor is 0 until its vector to the past is known;
        ``mirrored`` keeps those vectors that build on one.
        """
        part, candidates = vectors.part, vectors.candidates
        place = np.full(
            len(vectors.blocks), PLACE_EDGE if part.kind == StageKind.EDGE else 0, dtype=np.int64
        )
        place[vectors.mirrored] = PLACE_MIRRORED
        ids = self._fixed[part.blocks] + self._MERGE.part(
            place=place,
            neighbours=part.gather(self._moved).sum(0),
            candidates=candidates.others,
        )
        symbols = candidates.symbols(vectors.values) if self._writing else vectors.blocks
        symbols = self._io.code(self._tables["vector_merge"], ids, symbols, vectors.blocks)
        keys, changed = vectors.predictors, symbols.nonzero()[0]
        if len(changed):
            moved = self._moved.reshape(self._layers, self._size)
            moved[:, vectors.blocks[changed]] = 1
            named = candidates.chosen(symbols)
            keys = candidates.keys[named, np.arange(len(named))]
            vectors.mirrored = vectors.mirrored[named[vectors.mirrored] == 0]
        keys = keys.copy()
        keys[vectors.mirrored] = 0
        return symbols, keys

    def _code_differences(self, vectors: _StageVectors, new: np.ndarray) -> np.ndarray:
        """The keys of the differences of new vectors, those with the indices ``new``."""
        spread, blocks = vectors.spread[new], vectors.blocks[new]
        # A reader needs nothing but the number of values.
        values = vectors_of(vectors.values[new] - vectors.predictors[new])
        first, second = self._DIFFERENCES
        ids = first.index(spread=spread)
        vertical = self._code_component(ids, values[:, 0], blocks)
        ids = second.index(spread=spread, vertical_zero=vertical == 0)
        horizontal = self._code_component(ids, values[:, 1], blocks)
        return keys_of(np.stack([vertical, horizontal], -1))

    def _code_component(
        self, ids: np.ndarray, values: np.ndarray, blocks: np.ndarray
    ) -> np.ndarray:
        """One call of ``vector_delta`` and its escapes → the differences."""
        tables = self._tables["vector_delta"]
        below, above = values < -DIFFERENCE_RADIUS, values > DIFFERENCE_RADIUS
        symbols = np.where(
            below, _ESCAPE_BELOW, np.where(above, _ESCAPE_ABOVE, values + DIFFERENCE_RADIUS)
        )
        symbols = self._io.code(tables, ids, symbols, blocks)
        differences = symbols - DIFFERENCE_RADIUS
        escaped = symbols >= _ESCAPE_BELOW
        if np.count_nonzero(escaped):
            beyond = self._io.code_escapes(
                np.abs(values[escaped]) - DIFFERENCE_RADIUS - 1, tables, blocks[escaped]
            )
            signs = np.where(symbols[escaped] == _ESCAPE_BELOW, -1, 1)
            differences[escaped] = signs * (beyond + DIFFERENCE_RADIUS + 1)
        return differences

    def _complete(self, vectors: _StageVectors, keys: np.ndarray, new: np.ndarray) -> None:
        """The motion of the stage's blocks to all references, and of those that follow them."""
        motion, blocks, mirrored = self._motion.reshape(-1), vectors.part.blocks, vectors.mirrored
        motion[blocks] = keys
        if len(mirrored):
            # Only now are the vectors to the past known that these turn around.
            motion[blocks[mirrored]] += self._mirror(motion[blocks[mirrored] - self._size])
        if len(new) and np.abs(vectors_of(motion[blocks[new]])).max() > VECTOR_LIMIT:
            raise BitstreamError(f"motion vector outside ±{VECTOR_LIMIT} px")
        if self._context.has_future:
            self._complete_other_reference(blocks)
        if self._merged is not None and np.count_nonzero(self._merged[blocks]):
            motion[self._followers] = motion[self._followed]
            moved = self._moved.reshape(-1)
            moved[self._followers] = moved[self._followed]

    def _complete_other_reference(self, blocks: np.ndarray) -> None:
        """What the vectors of blocks that use one of two references say about the other."""
        motion, size, distances = self._motion.reshape(-1), self._size, self._context.distances
        averaged = self._out.directions.reshape(-1)[blocks % size] == Direction.AVERAGE
        blocks = blocks[~averaged]
        past, future = blocks[blocks < size], blocks[blocks >= size]
        motion[past + size] = scaled_keys(motion[past], distances[1], distances[0])
        motion[future - size] = scaled_keys(motion[future], distances[0], distances[1])
