"""The block layer of a frame by kernels, as ``block_syntax`` reads it in NumPy: all behind derived
blocks in one call, so that a reader takes Python's lock once.

Nothing here writes.  An encoder's kernels may share what knows of contexts alone, ``_extent`` and
its like of ``block_squares``; orders of symbols are those of ``range_coder.decode_by_table``.
"""

from __future__ import annotations

import numpy as np

from ...v1.block_fields import MODE_INTRA, MODE_RESIDUAL, Direction, Mode
from ...v1.block_lattice import StageKind
from ...v1.block_syntax import VOTE_BITS, VOTE_DIGITS
from ..block_elements import DIRECTION, INTRA, MODE, VECTOR_MERGE
from ..vector_syntax import SIZES
from .block_squares import read_merges, read_squares
from .jit import kernel, part
from .range_coder import decode_by_table
from .vector_keys import key_of, vector_of
from .vector_reading import decode_vectors

NO_REFERENCE, MERGED_INTRA = -4.0, -5.0  # what is returned for errors beside those of vectors
_PAST, _FUTURE, _AVERAGE = (int(direction) for direction in Direction)
_SKIP, _FIRST = int(Mode.SKIP), int(StageKind.FIRST)
_TWO, _SOURCE = DIRECTION.strides["two_references"], DIRECTION.strides["source"]
_SIZE, _VOTES = DIRECTION.strides["size"], DIRECTION.strides["votes"]
_CLASS, _STAGE = MODE.strides["frame_class"], MODE.strides["stage"]
_REFERENCES, _MOVING = MODE.strides["references"], MODE.strides["moving"]
_SQUARE, _NEIGHBOURS = MODE.strides["square"], MODE.strides["neighbours"]
_VECTOR_SIZE = VECTOR_MERGE.strides["size"]


@part
def _chosen(blocks, mask, some):
    """Places of a stage's blocks that a mask of the grid has, into ``some`` → how many."""
    count = 0
    for place in range(len(blocks)):
        some[count] = place
        count += mask[blocks[place]]
    return count


@part
def _leaders(sides, size, leader_of, followers):
    """``merged_blocks.leaders``, and which blocks follow another → how many."""
    count = 0
    for row in range(size[0]):
        for column in range(size[1]):
            block, side = row * size[1] + column, sides[row * size[1] + column]
            leader_of[block] = row // side * side * size[1] + column // side * side
            if leader_of[block] != block:
                followers[count] = block
                count += 1
    return count


@part
def _read_directions(coder, stages, frame_class, source, fields, following):
    """``BlockCoder._code_directions`` → bits spent, below 0 for errors.

    stages: of one layer or of more, of which the first counts.  source: modes and directions of
    blocks.  fields: derived, sides, modes, directions, of which the last two are found.  following:
    leaders of all blocks, and those that have another than themselves.
    """
    (reader, tables, increment), (every, around, bounds, layers) = coder, stages
    (derived, sides, modes, directions), (leader_of, followers) = fields, following
    blocks, total = len(modes), 0.0
    votes, leads = np.zeros(blocks, np.int64), np.empty(blocks, np.bool_)
    ids, symbols = np.empty(blocks, np.int64), np.empty(blocks, np.int64)
    some = np.empty(blocks + 1, np.int64)
    for block in range(blocks):
        leads[block] = leader_of[block] == block and not derived[block]
        if derived[block]:
            directions[block], votes[block] = _AVERAGE, 1 << VOTE_BITS * _AVERAGE
    for stage in range(len(bounds)):
        first = bounds[stage, 0]
        here = every[first : first + (bounds[stage, 1] - first) // layers]
        count = _chosen(here, leads, some)
        if count == 0:
            continue
        for one in range(count):
            block, near = here[some[one]], 0
            for member in range(4):
                neighbour = around[member, first + some[one]]
                near += votes[neighbour] if neighbour >= 0 else 0
            seen = INTRA if source[0][block] == MODE_INTRA else source[1][block]
            ids[one] = _TWO * (frame_class > 0) + _SOURCE * seen
            ids[one] += _SIZE * SIZES[sides[block]] + _VOTES * VOTE_DIGITS[near]
        bits = decode_by_table(reader, tables, increment, ids[:count], symbols[:count])
        if bits < 0:
            return bits
        total += bits
        for one in range(count):
            block, symbol = here[some[one]], symbols[one]
            if symbol == INTRA:
                directions[block], modes[block], votes[block] = _PAST, MODE_INTRA, 0
            else:
                directions[block], votes[block] = symbol, 1 << VOTE_BITS * symbol
        for block in followers:
            votes[block] = votes[leader_of[block]]
    for block in range(blocks):
        directions[block] = directions[leader_of[block]]
        if frame_class == 0 and directions[block] != _PAST:
            return NO_REFERENCE
    for block in range(blocks):
        if modes[block] == MODE_INTRA and sides[block] > 1:
            return MERGED_INTRA
    return total


@part
def _read_vectors(coders, stages, temporal, frame, fields, following):
    """``VectorLayer`` → bits spent, below 0 for errors.

    coders: reader, tables and increments of ``vector_merge`` and ``vector_delta``.  temporal
    (layers · h · w,): keys.  frame: distances.  fields: derived, sides, modes, directions, vectors
    (2, h · w, 2) and motion (layers, h · w, 2), of which these two are found.
    """
    derived, sides, modes, directions, vectors, motion = fields
    (leader_of, some), layers, blocks = following, len(motion), len(modes)
    keys, moved = np.zeros(layers * blocks, np.int64), np.zeros(layers * blocks, np.int64)
    fixed, merged = np.empty_like(keys), np.empty(len(keys), np.bool_)
    available, mirrors = np.empty_like(merged), np.zeros_like(merged)
    uses, leads = np.empty_like(merged), np.empty_like(merged)
    followers = np.empty(layers * len(some), np.int64)
    followed = np.empty_like(followers)
    for layer in range(layers):
        for block in range(blocks):
            place, is_predicted = layer * blocks + block, modes[block] != MODE_INTRA
            uses[place] = is_predicted and directions[block] != (_PAST if layer else _FUTURE)
            available[place], merged[place] = is_predicted, sides[block] > 1
            leads[place] = uses[place] and leader_of[block] == block and not derived[block]
            mirrors[place] = layer > 0 and uses[place] and uses[block]
            fixed[place] = _VECTOR_SIZE * SIZES[sides[block]]
            if derived[block]:
                keys[place] = key_of(vectors[layer, block, 0], vectors[layer, block, 1])
        for one in range(len(some)):
            followers[layer * len(some) + one] = layer * blocks + some[one]
            followed[layer * len(some) + one] = layer * blocks + leader_of[some[one]]
    planes = keys, moved, available, temporal, mirrors, fixed
    merging = leads, merged, followers, followed
    reader, tables, increments = coders
    bits = decode_vectors(reader, tables, increments, stages, planes, merging, (directions, frame))
    for layer in range(layers):
        for block in range(blocks):
            down, across = vector_of(keys[layer * blocks + block])
            motion[layer, block, 0], motion[layer, block, 1] = down, across
            used = uses[layer * blocks + block]
            vectors[layer, block, 0], vectors[layer, block, 1] = down * used, across * used
    return bits


@part
def _read_modes(coder, stages, size, frame_class, planes, modes):
    """``BlockCoder._code_modes`` but for squares → bits spent, -1 for damage.

    planes: which blocks are asked for, which move, and which are coded in references.
    """
    (reader, tables, increment), (every, around, bounds, layers) = coder, stages
    (asked, moving, past, future), (height, width), blocks = planes, size, len(modes)
    ids, symbols = np.empty(blocks, np.int64), np.empty(blocks, np.int64)
    some, seen = np.empty(blocks + 1, np.int64), np.empty(blocks, np.int64)
    columns, total = (width + 1) // 2, 0.0
    known = np.zeros((height + 1) // 2 * columns, np.int64)
    for block in range(blocks):
        seen[block] = modes[block] == MODE_INTRA
    for stage in range(len(bounds)):
        first, kind = bounds[stage, 0], bounds[stage, 2]
        here = every[first : first + (bounds[stage, 1] - first) // layers]
        count = _chosen(here, asked, some)
        if count == 0:
            continue
        for one in range(count):
            block, near = here[some[one]], 0
            row, column = block // width, block % width
            if kind == _FIRST:
                near += past[block - width] if row > 0 else 0
                near += past[block + width] if row + 1 < height else 0
                near += past[block - 1] if column > 0 else 0
                near += past[block + 1] if column + 1 < width else 0
            else:
                for member in range(4):
                    neighbour = around[member, first + some[one]]
                    near += seen[neighbour] if neighbour >= 0 else 0
            in_references = np.int64(past[block]) + np.int64(future[block])
            ids[one] = _CLASS * frame_class + _REFERENCES * in_references + _STAGE * kind
            ids[one] += _MOVING * moving[block] + _NEIGHBOURS * near
            ids[one] += _SQUARE * known[row // 2 * columns + column // 2]
        bits = decode_by_table(reader, tables, increment, ids[:count], symbols[:count])
        if bits < 0:
            return bits
        total += bits
        for one in range(count):
            block = here[some[one]]
            modes[block] = symbols[one]
            seen[block] = symbols[one] == MODE_RESIDUAL
            square = block // width // 2 * columns + block % width // 2
            known[square] = max(known[square], 1 + (symbols[one] != _SKIP))
    return total


@kernel(
    "float64(Tuple((Tuple((uint64[::1], uint32[::1])),"
    " UniTuple(Tuple((int64[:, ::1], int64[:, ::1], boolean[::1])), 6), UniTuple(int64, 6))),"
    " Tuple((int64[::1], int64[:, ::1], int64[:, ::1])), UniTuple(int64, 5),"
    " Tuple((int64[::1], UniTuple(int64[::1], 2), UniTuple(boolean[::1], 2),"
    " UniTuple(int64[::1], 2))),"
    " Tuple((boolean[::1], int64[::1], int64[::1], int64[::1], int64[:, :, ::1],"
    " int64[:, :, ::1])))"
)
def read_blocks(coders, stages, frame, known, fields):
    """``BlockCoder.code`` behind derived blocks → bits spent, -1 for damage, and of the errors of
    this module and ``vector_reading``.

    coders: reader, then tables and increments of ``block_merge``, ``direction``, ``vector_merge``,
    ``vector_delta``, ``square`` and ``mode``.  stages: as of ``vector_syntax.stage_arrays``.
    frame: rows and columns of blocks, class of the frame, distances of its references, the second
    0 where there is none.  known: keys of temporal motion (layers · h · w,); sides of blocks of
    both references, or twice of the one; whether they are coded; modes and directions of the
    source.  fields: derived, sides 1, modes, directions 0, vectors (2, h · w, 2), those of derived
    blocks, motion (layers, h · w, 2): all but the first are found.
    """
    reader, tables, increments = coders
    height, width, frame_class, past, future = frame
    (temporal, sides_before, coded, source), size = known, (height, width)
    derived, sides, modes, directions, vectors, _motion = fields
    every = stages[0], stages[1], stages[2], len(_motion)
    coder = reader, tables[0], increments[0]
    merge_fields = derived, sides
    total = read_merges(coder, size, frame_class, temporal, sides_before, merge_fields)
    if total < 0:
        return total
    leader_of, followers = np.empty(len(modes), np.int64), np.empty(len(modes), np.int64)
    following = leader_of, followers[: _leaders(sides, size, leader_of, followers)]
    coder, flat = (reader, tables[1], increments[1]), (derived, sides, modes, directions)
    bits = _read_directions(coder, every, frame_class, source, flat, following)
    if bits < 0:
        return bits
    total += bits
    two = reader, (tables[2], tables[3]), (increments[2], increments[3])
    bits = _read_vectors(two, stages, temporal, (past, future), fields, following)
    if bits < 0:
        return bits
    total += bits
    asked, moving = np.empty(len(modes), np.bool_), np.empty(len(modes), np.bool_)
    for block in range(len(modes)):
        asked[block], moving[block] = modes[block] != MODE_INTRA, False
        for layer in range(len(vectors)):
            moving[block] |= vectors[layer, block, 0] != 0 or vectors[layer, block, 1] != 0
    coder = reader, tables[4], increments[4]
    bits = read_squares(coder, size, frame_class, coded, moving, asked)
    if bits < 0:
        return bits
    coder, planes = (reader, tables[5], increments[5]), (asked, moving, coded[0], coded[1])
    more = _read_modes(coder, every, size, frame_class, planes, modes)
    return more if more < 0 else total + bits + more
