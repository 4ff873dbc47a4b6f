"""Offsets of the quantiser by squares of 64 px: where levels are finer or coarser than the frame's.

Means, values and contexts stay in steps of the frame.  What a level adds, and the scale that its
table is chosen by, count in the local step.
"""

from __future__ import annotations

from copy import copy

import numpy as np
import numpy.typing as npt

from ..errors import BitstreamError
from ..v1.adaptive_tables import FREQUENCY_TOTAL, TableSet
from ..v1.quantiser import QUANTISER_COUNT, step_fixed
from ..v1.symbol_coder import SymbolReader, SymbolWriter
from .reading import update_tables

SQUARE = 8  # positions a side
LARGEST_OFFSET = 24  # quantiser indices: four times the step, or a quarter
FACTOR_BITS = 14
_UNIT_QUANTISER = 40  # whose step is 2^FACTOR_BITS
_DIFFERENCES = 4 * LARGEST_OFFSET + 1
_CONTEXTS = 4
_INCREMENT = 2048
_RARE_DIFFERENCE, _RARE_FLAG = 200, 512  # initial frequencies
Offsets = npt.NDArray[np.int64]

_ALL = range(-LARGEST_OFFSET, LARGEST_OFFSET + 1)
# Of every offset from the least on: its factor, 2^(offset / 12) with FACTOR_BITS fraction bits, and
# log2 of that in sixteenths, rounded to nearest.
_FACTORS = np.array([step_fixed(_UNIT_QUANTISER + offset) for offset in _ALL])
_LOG2_FACTORS = np.array([(4 * offset + 1) // 3 for offset in _ALL])


def factors(offsets: Offsets) -> npt.NDArray[np.int64]:
    """By what offsets (n,) multiply the step, with FACTOR_BITS fraction bits."""
    return _FACTORS.take(offsets + LARGEST_OFFSET)


def log2_factors(offsets: Offsets) -> npt.NDArray[np.int64]:
    """The same in octaves, in sixteenths."""
    return _LOG2_FACTORS.take(offsets + LARGEST_OFFSET)


def square_grid(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of squares of so many positions; the last may be smaller."""
    return -(-height // SQUARE), -(-width // SQUARE)


def of_positions(offsets: Offsets, height: int, width: int) -> Offsets:
    """Offsets (rows, columns) of squares → of every position, (height, width)."""
    return offsets.repeat(SQUARE, 0)[:height].repeat(SQUARE, 1)[:, :width]


def initial_frequencies() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Of the flag (1, 2), and of differences, (4, 97)."""
    flags = np.array([[FREQUENCY_TOTAL - _RARE_FLAG, _RARE_FLAG]])
    differences = np.full((_CONTEXTS, _DIFFERENCES), _RARE_DIFFERENCE)
    differences[:, _DIFFERENCES // 2] += FREQUENCY_TOTAL - differences[0].sum()
    return flags, differences


class OffsetCoder:
    """The adaptive tables of offsets, and the offset that every square had last.  Reset at
    keyframes.
    """

    def __init__(self, height: int, width: int) -> None:
        """Of frames of so many positions."""
        flags, differences = initial_frequencies()
        self._size = height, width
        self._flags = TableSet(flags, _INCREMENT, "has_local_offsets")
        self._differences = TableSet(differences, _INCREMENT, "local_offset")
        self._last: Offsets = np.zeros(square_grid(height, width), dtype=np.int64)

    def copy(self) -> OffsetCoder:
        """An independent copy of the state between two frames."""
        other = copy(self)
        other._flags, other._differences = self._flags.copy(), self._differences.copy()
        return other

    def code(
        self,
        io: SymbolWriter | SymbolReader,
        quantiser: int,
        present: npt.NDArray[np.bool_],
        wanted: Offsets | None = None,
    ) -> Offsets:
        """Code the offsets of a frame → (rows, columns) of squares, 0 in those without levels.

        present (h, w): positions that may have levels.  wanted (rows, columns): the encoder's, None
        for none and for a reader.  Raises ``BitstreamError`` for offsets out of range.
        """
        update_tables(self._flags, self._differences)
        squares = _squares_with(present)
        offsets = np.zeros(squares.shape, dtype=np.int64)
        if wanted is None:
            wanted = offsets
        has_offsets = np.array([int(wanted[squares].any())])
        if not squares.any() or not io.code(self._flags, np.zeros(1, np.int64), has_offsets)[0]:
            return offsets
        rows, columns = np.nonzero(squares)
        for diagonal in np.unique(rows + columns):
            at = rows[rows + columns == diagonal], columns[rows + columns == diagonal]
            expected, tables = self._expected(offsets, squares, *at)
            symbols = wanted[at] - expected + 2 * LARGEST_OFFSET
            places = SQUARE * (at[0] * self._size[1] + at[1])
            coded = io.code(self._differences, tables, symbols, places)
            offsets[at] = _checked(expected + coded - 2 * LARGEST_OFFSET, quantiser)
        self._last = np.where(squares, offsets, self._last)
        return offsets

    def _expected(
        self,
        offsets: Offsets,
        squares: npt.NDArray[np.bool_],
        rows: npt.NDArray[np.int64],
        columns: npt.NDArray[np.int64],
    ) -> tuple[Offsets, npt.NDArray[np.int64]]:
        """What the offsets of squares (n,) are expected to be, and their tables: as they were last,
        changed as those of the neighbours are.
        """
        changes = np.pad(np.where(squares, offsets - self._last, 0), ((1, 0), (1, 0)))
        known = np.pad(squares, ((1, 0), (1, 0)))
        has_left, has_upper = known[rows + 1, columns], known[rows, columns + 1]
        left, upper = changes[rows + 1, columns], changes[rows, columns + 1]
        plane = left + upper - changes[rows, columns]
        change = np.where(has_left, left, upper)
        both = has_left & has_upper
        change[both] = np.median(np.stack([left, upper, plane]), axis=0).astype(np.int64)[both]
        expected = np.clip(self._last[rows, columns] + change, -LARGEST_OFFSET, LARGEST_OFFSET)
        tables = has_left.astype(np.int64) + has_upper + (both & (left != upper))
        return expected, tables


def _checked(offsets: Offsets, quantiser: int) -> Offsets:
    """Raise ``BitstreamError`` for offsets that may not be."""
    if np.abs(offsets).max() > LARGEST_OFFSET:
        raise BitstreamError(f"local offset outside ±{LARGEST_OFFSET}")
    if not 0 <= quantiser + offsets.min() <= quantiser + offsets.max() < QUANTISER_COUNT:
        raise BitstreamError(f"local quantiser outside 0..{QUANTISER_COUNT - 1}")
    return offsets


def _squares_with(present: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(rows, columns): which squares hold one of the positions (h, w)."""
    height, width = present.shape
    by_rows = np.logical_or.reduceat(present, np.arange(0, height, SQUARE), axis=0)
    squares: npt.NDArray[np.bool_] = np.logical_or.reduceat(
        by_rows, np.arange(0, width, SQUARE), axis=1
    )
    return squares
