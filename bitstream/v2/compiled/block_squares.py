"""What squares of blocks are, by kernels: derived, merged, skipped altogether.

As ``derived_blocks`` and ``block_syntax`` read them in NumPy, for readers alone; each part asks
``_by_checkerboard``, which is all that knows of the coder.
"""

from __future__ import annotations

import numpy as np

from ..block_elements import BLOCK_MERGE, DERIVED, DERIVED_SIDES, MERGE_SIDES, SQUARE
from .jit import kernel, part
from .range_coder import decode_by_table

_DERIVED_STEPS = DERIVED.strides["second_pass"], DERIVED.strides["neighbours"]
_DERIVED_DEPTH, _DERIVED_LEAF = DERIVED.strides["depth"], DERIVED.strides["leaf"]
_DERIVED_MOTION, _DERIVED_REFERENCES = DERIVED.strides["motion"], DERIVED.strides["references"]
_MERGE_STEPS = BLOCK_MERGE.strides["second_pass"], BLOCK_MERGE.strides["neighbours"]
_MERGE_DEPTH, _MERGE_TWO = BLOCK_MERGE.strides["depth"], BLOCK_MERGE.strides["two_references"]
_MERGE_REFERENCES = BLOCK_MERGE.strides["references"]
_MERGE_STEADY = BLOCK_MERGE.strides["steady"]
_SQUARE_STEPS = SQUARE.strides["second_pass"], SQUARE.strides["neighbours"]
_SQUARE_DEPTH, _SQUARE_CLASS = SQUARE.strides["depth"], SQUARE.strides["frame_class"]
_SQUARE_REFERENCES, _SQUARE_MOVING = SQUARE.strides["references"], SQUARE.strides["moving"]


@part
def _by_checkerboard(coder, asked, fixed, columns, steps, state):
    """Read what squares are, those of every second one first → bits spent, -1 for damage.

    coder: reader, tables, increment.  asked (n,) bool: which; fixed (n,): contexts without what
    follows from neighbours.  columns: of squares.  steps: of contexts by pass and by neighbour that
    is set.  state (n,) bool: what is known, changed.
    """
    (reader, tables, increment), (by_pass, by_neighbour) = coder, steps
    squares, total = len(fixed), 0.0
    ids, symbols = np.empty(squares, np.int64), np.empty(squares, np.int64)
    places = np.empty(squares, np.int64)
    for second in range(2):
        count = 0
        for square in range(squares):
            row, column = square // columns, square % columns
            if not asked[square] or (row + column) & 1 != second:
                continue
            near = 0
            if row > 0:
                near += state[square - columns]
            if square + columns < squares:
                near += state[square + columns]
            if column > 0:
                near += state[square - 1]
            if column + 1 < columns:
                near += state[square + 1]
            ids[count] = fixed[square] + by_pass * second + by_neighbour * near
            places[count] = square
            count += 1
        if count == 0:
            continue
        bits = decode_by_table(reader, tables, increment, ids[:count], symbols[:count])
        if bits < 0:
            return bits
        total += bits
        for one in range(count):
            state[places[one]] = symbols[one] > 0
    return total


@part
def _extent(square, side, columns, size):
    """First and last row, first and last column of a square, inside a grid."""
    top, left = square // columns * side, square % columns * side
    return top, min(top + side, size[0]), left, min(left + side, size[1])


@part
def _fill(square, side, columns, size, value, blocks):
    """Set the blocks (h · w,) of a square."""
    top, bottom, left, right = _extent(square, side, columns, size)
    for row in range(top, bottom):
        for block in range(row * size[1] + left, row * size[1] + right):
            blocks[block] = value


@part
def _any_of(square, side, columns, size, blocks):
    """Whether one of the blocks (h · w,) of a square is set."""
    top, bottom, left, right = _extent(square, side, columns, size)
    for row in range(top, bottom):
        for block in range(row * size[1] + left, row * size[1] + right):
            if blocks[block]:
                return True
    return False


@part
def _all_of(square, side, columns, size, blocks):
    """Whether all of them are."""
    top, bottom, left, right = _extent(square, side, columns, size)
    for row in range(top, bottom):
        for block in range(row * size[1] + left, row * size[1] + right):
            if not blocks[block]:
                return False
    return True


@part
def _is_steady(square, side, columns, size, keys):
    """Whether keys of motion (h · w,) are the same all over a square."""
    top, bottom, left, right = _extent(square, side, columns, size)
    for row in range(top, bottom):
        for block in range(row * size[1] + left, row * size[1] + right):
            if keys[block] != keys[top * size[1] + left]:
                return False
    return True


@part
def _grid(side, size):
    """Columns, squares."""
    columns = -(-size[1] // side)
    return columns, columns * -(-size[0] // side)


@kernel(
    "float64(Tuple((Tuple((uint64[::1], uint32[::1])),"
    " Tuple((int64[:, ::1], int64[:, ::1], boolean[::1])), int64)),"
    " UniTuple(int64, 2), boolean, int64[::1], UniTuple(boolean[::1], 2), boolean[::1])"
)
def read_derived(coder, size, is_leaf, temporal, references, derived):
    """``code_derived`` → bits spent, -1 for damage.

    coder: reader, tables of ``derived``, their increment.  size: rows and columns of blocks.
    is_leaf: whether both references are next to the frame.  temporal (h · w,): keys of temporal
    motion to the past.  references: which of their blocks are derived.  derived (h · w,): found.
    """
    total = 0.0
    for block in range(len(derived)):
        derived[block] = False
    for depth in range(len(DERIVED_SIDES)):
        side = DERIVED_SIDES[depth]
        columns, squares = _grid(side, size)
        fixed, asked = np.empty(squares, np.int64), np.empty(squares, np.bool_)
        found = np.empty(squares, np.bool_)
        for square in range(squares):
            top, bottom, left, right = _extent(square, side, columns, size)
            found[square] = _all_of(square, side, columns, size, derived)
            is_one = (bottom - top) * (right - left) == 1
            asked[square] = not found[square] and (side == 1 or not is_one)
            motion = 2
            if _is_steady(square, side, columns, size, temporal):
                motion = 1 if temporal[top * size[1] + left] != 0 else 0
            in_references = 0
            for known in references:
                in_references += _all_of(square, side, columns, size, known)
            fixed[square] = _DERIVED_DEPTH * depth + _DERIVED_LEAF * is_leaf
            fixed[square] += _DERIVED_MOTION * motion + _DERIVED_REFERENCES * in_references
        bits = _by_checkerboard(coder, asked, fixed, columns, _DERIVED_STEPS, found)
        if bits < 0:
            return bits
        total += bits
        for square in range(squares):
            if found[square]:
                _fill(square, side, columns, size, True, derived)
    return total


@part
def read_merges(coder, size, frame_class, temporal, references, fields):
    """``BlockCoder._code_merges`` of all sides → bits spent, -1 for damage.

    frame_class: as of contexts, 0 with one reference.  references: sides of blocks in both, or
    twice in the one.  fields: derived, sides, of which these are found.
    """
    total, (derived, sides) = 0.0, fields
    for depth in range(len(MERGE_SIDES)):
        side = MERGE_SIDES[depth]
        columns, squares = _grid(side, size)
        fixed, asked = np.empty(squares, np.int64), np.empty(squares, np.bool_)
        merged = np.empty(squares, np.bool_)
        for square in range(squares):
            top, bottom, left, right = _extent(square, side, columns, size)
            leader = top * size[1] + left
            merged[square] = sides[leader] >= side
            asked[square] = (
                not merged[square]
                and (bottom - top) * (right - left) > 1
                and not _any_of(square, side, columns, size, derived)
            )
            in_references = (references[0][leader] >= side) + (references[1][leader] >= side)
            fixed[square] = _MERGE_DEPTH * depth + _MERGE_TWO * (frame_class > 0)
            fixed[square] += _MERGE_REFERENCES * in_references
            fixed[square] += _MERGE_STEADY * _is_steady(square, side, columns, size, temporal)
        bits = _by_checkerboard(coder, asked, fixed, columns, _MERGE_STEPS, merged)
        if bits < 0:
            return bits
        total += bits
        for square in range(squares):
            if merged[square] and asked[square]:
                _fill(square, side, columns, size, side, sides)
    return total


@part
def read_squares(coder, size, frame_class, references, moving, asked):
    """``BlockCoder._code_squares`` → bits spent, -1 for damage.

    references: which of their blocks are coded.  moving (h · w,) bool.  asked (h · w,) bool: which
    blocks are not intra, in; which have their modes coded, out.
    """
    total = 0.0
    for depth in range(len(MERGE_SIDES)):
        side = MERGE_SIDES[depth]
        columns, squares = _grid(side, size)
        fixed, here = np.empty(squares, np.int64), np.empty(squares, np.bool_)
        eligible = np.empty(squares, np.bool_)
        for square in range(squares):
            here[square] = eligible[square] = _any_of(square, side, columns, size, asked)
            in_references = 0
            for known in references:
                in_references += _any_of(square, side, columns, size, known)
            fixed[square] = _SQUARE_DEPTH * depth + _SQUARE_CLASS * frame_class
            fixed[square] += _SQUARE_REFERENCES * in_references
            fixed[square] += _SQUARE_MOVING * _any_of(square, side, columns, size, moving)
        bits = _by_checkerboard(coder, eligible, fixed, columns, _SQUARE_STEPS, here)
        if bits < 0:
            return bits
        total += bits
        for square in range(squares):
            if not here[square]:
                _fill(square, side, columns, size, False, asked)
    return total
