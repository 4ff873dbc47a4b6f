"""Syntax of the block layer of an inter frame: modes, prediction directions and motion vectors.

Blocks are coded in two checkerboard passes, like the latents, so that contexts come from decoded neighbours and coding
stays vectorised.  One function serves writer and reader: the writer is handed the values, the reader gives them back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from .context_model import checkerboard
from .errors import BitstreamError
from .prediction import VECTOR_LIMIT
from .symbol_coder import SymbolReader, SymbolWriter, TableSet

DELTA_RADIUS = 32  # vector differences -32..32 have a symbol, the last two symbols are escapes below and above


class Mode(IntEnum):
    """How a block is reconstructed."""

    SKIP = 0  # the prediction as it is
    RESIDUAL = 1  # the prediction plus coded levels
    GENERATE = 2  # the prediction as it is, marked for inpainting by the restoration
    INTRA = 3  # coded levels alone


class Direction(IntEnum):
    """Which references a predicted block uses."""

    PAST = 0
    FUTURE = 1
    AVERAGE = 2


@dataclass
class BlockFields:
    """What the block layer says of one frame, on the block grid (bh, bw).

    modes (bh, bw) int64 of ``Mode``; directions (bh, bw) int64 of ``Direction``; vectors (2, bh, bw, 2) int64 px as
    (dy, dx), past then future, zero where a reference is not used.
    """

    modes: np.ndarray
    directions: np.ndarray
    vectors: np.ndarray

    @classmethod
    def blank(cls, height: int, width: int, mode: Mode) -> "BlockFields":
        """Every block in ``mode``, past reference, no motion."""
        return cls(
            np.full((height, width), int(mode), dtype=np.int64), np.zeros((height, width), dtype=np.int64), np.zeros((2, height, width, 2), dtype=np.int64)
        )

    @property
    def coded(self) -> np.ndarray:
        """(bh, bw) bool: blocks that carry levels."""
        return (self.modes == Mode.RESIDUAL) | (self.modes == Mode.INTRA)


def _neighbours(plane: np.ndarray, outside: int) -> np.ndarray:
    """(4, bh, bw): the value above, below, left and right of every block, ``outside`` beyond the frame."""
    padded = np.pad(plane, 1, constant_values=outside)
    return np.stack([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]])


def neighbour_vectors(vectors: np.ndarray) -> np.ndarray:
    """Predictor of second-pass blocks from a vector field (bh, bw, 2): per component, the mean of the middle two neighbours.

    A neighbour beyond the frame is replaced by the one opposite, and where both are beyond it by those of the other axis.
    """
    height, width = vectors.shape[:2]
    rows, columns = np.arange(height), np.arange(width)
    above, below = (rows - 1, rows + 1) if height > 1 else (rows, rows)
    if height > 1:
        above, below = np.where(above < 0, 1, above), np.where(below >= height, height - 2, below)
    left, right = (columns - 1, columns + 1) if width > 1 else (columns, columns)
    if width > 1:
        left, right = np.where(left < 0, 1, left), np.where(right >= width, width - 2, right)
    vertical = [vectors[above], vectors[below]] if height > 1 else [vectors[:, left], vectors[:, right]]
    horizontal = [vectors[:, left], vectors[:, right]] if width > 1 else [vectors[above], vectors[below]]
    ordered = np.sort(np.stack(vertical + horizontal), axis=0)
    return (ordered[1] + ordered[2]) >> 1


class BlockCoder:
    """The adaptive tables of the block layer, and what of the previous frame serves as context.  Reset at keyframes."""

    def __init__(self, priors: dict[str, np.ndarray], height: int, width: int) -> None:
        increments = {"mode": 1024, "direction": 1024, "vector_same": 1024, "vector_delta": 512}
        self.tables = {name: TableSet(table, increments[name]) for name, table in priors.items()}
        self.previous = BlockFields.blank(height, width, Mode.SKIP)
        self._first = checkerboard(height, width)

    def passes(self) -> tuple[np.ndarray, np.ndarray]:
        """The two masks (bh, bw) of the checkerboard."""
        return self._first, ~self._first

    def code(self, io: SymbolWriter | SymbolReader, fields: BlockFields, two_references: bool, temporal: bool) -> BlockFields:
        """Code one frame's block layer; the reader's ``fields`` need only have the right shape.

        ``temporal``: first-pass vectors are predicted from the frame coded before, else from zero.
        """
        out = BlockFields.blank(*fields.modes.shape, Mode.SKIP)
        for second, mask in enumerate(self.passes()):
            out.modes[mask] = io.code(self.tables["mode"], self._mode_contexts(out, second)[mask], fields.modes[mask])
        if two_references:
            predicted = out.modes != Mode.INTRA
            for second, mask in enumerate(self.passes()):
                left = np.pad(out.directions, ((0, 0), (1, 0)), constant_values=3)[:, :-1]
                ids = np.where(second, left + 1, 0)
                chosen = mask & predicted
                out.directions[chosen] = io.code(self.tables["direction"], ids[chosen], fields.directions[chosen])
        for reference, unused in ((0, Direction.FUTURE), (1, Direction.PAST)):
            uses = (out.modes != Mode.INTRA) & (out.directions != unused)
            if uses.any():
                self._code_vectors(io, fields.vectors[reference], out.vectors[reference], uses, self.first_predictor(reference, temporal))
        self.previous = out
        return out

    def first_predictor(self, reference: int, temporal: bool) -> np.ndarray:
        """(bh, bw, 2) predictor of first-pass vectors."""
        return self.previous.vectors[reference] if temporal else np.zeros_like(self.previous.vectors[reference])

    def _mode_contexts(self, out: BlockFields, second: int) -> np.ndarray:
        before = self.previous.coded.astype(np.int64)
        around = _neighbours(out.coded.astype(np.int64) if second else before, 0).sum(0)
        return 10 * second + 5 * before + around

    def _code_vectors(self, io: SymbolWriter | SymbolReader, given: np.ndarray, out: np.ndarray, uses: np.ndarray, predictor: np.ndarray) -> None:
        differs = np.zeros(uses.shape, dtype=np.int64)
        for second, mask in enumerate(self.passes()):
            if second:
                ids = 2 + _neighbours(differs, 0).sum(0)
                predictor = neighbour_vectors(out)
            else:
                ids = (predictor != 0).any(-1).astype(np.int64)
            chosen = mask & uses
            base = predictor[chosen]
            flags = io.code(self.tables["vector_same"], ids[chosen], (given[chosen] != base).any(-1).astype(np.int64))
            differs[chosen] = flags
            moved = flags.astype(bool)
            delta = np.zeros_like(base)
            wanted = (given[chosen] - base)[moved]
            delta[moved, 0] = self._code_delta(io, np.full(len(wanted), second), wanted[:, 0])
            delta[moved, 1] = self._code_delta(io, 2 + 2 * second + (delta[moved, 0] == 0), wanted[:, 1])
            out[chosen] = base + delta
            if np.abs(out[chosen]).max(initial=0) > VECTOR_LIMIT:
                raise BitstreamError(f"motion vector outside ±{VECTOR_LIMIT} px")

    def _code_delta(self, io: SymbolWriter | SymbolReader, ids: np.ndarray, values: np.ndarray) -> np.ndarray:
        low, high = 2 * DELTA_RADIUS + 1, 2 * DELTA_RADIUS + 2
        symbols = np.where(values < -DELTA_RADIUS, low, np.where(values > DELTA_RADIUS, high, values + DELTA_RADIUS))
        symbols = io.code(self.tables["vector_delta"], ids, symbols)
        out = symbols - DELTA_RADIUS
        escaped = symbols >= low
        beyond = io.code_escapes(np.abs(values[escaped]) - DELTA_RADIUS - 1)
        out[escaped] = np.where(symbols[escaped] == low, -1, 1) * (beyond + DELTA_RADIUS + 1)
        return out
