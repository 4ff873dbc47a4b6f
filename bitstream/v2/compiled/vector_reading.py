"""The motion vectors of a frame by kernels, as ``vector_syntax`` reads them in NumPy.

Vectors are held as keys (``motion_vectors.keys_of``); the planes of both references lie one after
the other.
"""

from __future__ import annotations

import numpy as np

from ...v1.block_elements import DIFFERENCE_RADIUS, NEW_VECTOR, PLACE_EDGE, PLACE_MIRRORED
from ...v1.block_fields import Direction
from ...v1.block_lattice import StageKind
from ...v1.prediction import VECTOR_LIMIT
from ..block_elements import HORIZONTAL_DIFFERENCE, VECTOR_MERGE, VERTICAL_DIFFERENCE
from .jit import part
from .range_coder import decode_by_table, decode_escape_values
from .vector_keys import UNKNOWN_KEY, key_of, scaled_key, vector_of

NO_CANDIDATE, TOO_LONG = -2.0, -3.0  # what is returned for errors beside damage
_CANDIDATES = 6
_EDGE, _AVERAGE, _IS_EDGE = int(PLACE_EDGE), int(Direction.AVERAGE), int(StageKind.EDGE)
_BY_PLACE, _BY_NEIGHBOURS, _BY_CANDIDATES = (
    VECTOR_MERGE.strides[name] for name in ("place", "neighbours", "candidates")
)
_FIRST_VERTICAL, _BY_SPREAD = VERTICAL_DIFFERENCE.first, VERTICAL_DIFFERENCE.strides["spread"]
_FIRST_HORIZONTAL = HORIZONTAL_DIFFERENCE.first
_BY_SPREAD_TOO = HORIZONTAL_DIFFERENCE.strides["spread"]
_BY_ZERO = HORIZONTAL_DIFFERENCE.strides["vertical_zero"]


@part
def _middle(values, count):
    """``block_lattice.middle_and_extent`` of one component of so many known neighbours, sorted
    here → the middle, and how far they lie apart.
    """
    for one in range(1, count):
        value, place = values[one], one
        while place > 0 and values[place - 1] > value:
            values[place] = values[place - 1]
            place -= 1
        values[place] = value
    middle = (values[(count - 1) >> 1] + values[min(count >> 1, 3)]) >> 1
    return middle, values[count - 1] - values[0]


@part
def _predict(block, near, one, planes, work):
    """Predictor of a vector from its neighbours, column ``one`` of near (4, n), and the class of
    their spread.
    """
    motion, available, temporal = planes
    rows, columns = work
    count = 0
    for member in range(4):
        neighbour = near[member, one]
        if neighbour >= 0 and available[neighbour]:
            rows[count], columns[count] = vector_of(motion[neighbour])
            count += 1
    if count == 0:
        return temporal[block], 0
    down, tall = _middle(rows, count)
    across, broad = _middle(columns, count)
    if count == 1:
        return key_of(down, across), 0
    extent = max(tall, broad)
    return key_of(down, across), 1 + (extent > 0) + (extent > 2) + (extent > 6)


@part
def _differences(reader, tables, increment, ids, out):
    """One component of new vectors → bits spent, below 0 for damage."""
    bits, escapes = decode_by_table(reader, tables, increment, ids, out), 0
    if bits < 0:
        return bits
    for one in range(len(out)):
        escapes += out[one] > 2 * DIFFERENCE_RADIUS
    values, taken = np.empty(escapes, dtype=np.int64), 0
    if escapes:
        more = decode_escape_values(*reader, values, escapes)
        if more < 0:
            return more
        bits += more
    for one in range(len(out)):
        if out[one] > 2 * DIFFERENCE_RADIUS:
            beyond = values[taken] + DIFFERENCE_RADIUS + 1
            out[one] = -beyond if out[one] == 2 * DIFFERENCE_RADIUS + 1 else beyond
            taken += 1
        else:
            out[one] -= DIFFERENCE_RADIUS
    return bits


@part
def _code_new(reader, tables, increment, new, spread, keys):
    """Add to the keys of new vectors, those with the indices ``new``, what is coded → bits."""
    ids, vertical = np.empty(len(new), dtype=np.int64), np.empty(len(new), dtype=np.int64)
    horizontal = np.empty(len(new), dtype=np.int64)
    for one in range(len(new)):
        ids[one] = _FIRST_VERTICAL + _BY_SPREAD * spread[new[one]]
    bits = _differences(reader, tables, increment, ids, vertical)
    if bits < 0:
        return bits
    for one in range(len(new)):
        ids[one] = _FIRST_HORIZONTAL + _BY_SPREAD_TOO * spread[new[one]]
        ids[one] += _BY_ZERO * (vertical[one] == 0)
    more = _differences(reader, tables, increment, ids, horizontal)
    if more < 0:
        return more
    for one in range(len(new)):
        keys[new[one]] += key_of(vertical[one], horizontal[one])
    return bits + more


@part
def _candidates(blocks, near, kind, planes, found):
    """What vectors of a stage can be, and under which table that is coded.

    found: ids, spreads, candidates (6, n), ranks (6, n) with -1 for those that are not fresh.
    """
    motion, moved, available, temporal, mirrors, fixed = planes
    ids, spreads, candidates, ranks = found
    work = np.empty(4, np.int64), np.empty(4, np.int64)
    for one in range(len(blocks)):
        block = blocks[one]
        key, spreads[one] = _predict(block, near, one, (motion, available, temporal), work)
        place = _EDGE if kind == _IS_EDGE else 0
        if mirrors[block]:
            place = PLACE_MIRRORED
        candidates[0, one] = UNKNOWN_KEY if mirrors[block] else key
        candidates[1, one] = temporal[block]
        neighbours = 0
        for member in range(4):
            known = near[member, one] >= 0
            candidates[2 + member, one] = motion[near[member, one]] if known else 0
            neighbours += moved[near[member, one]] if known else 0
        rank = -1
        for candidate in range(_CANDIDATES):
            is_fresh = True
            for before in range(candidate):
                is_fresh &= candidates[before, one] != candidates[candidate, one]
            rank += is_fresh
            ranks[candidate, one] = rank if is_fresh else -1
        ids[one] = fixed[block] + _BY_PLACE * place + _BY_NEIGHBOURS * neighbours
        ids[one] += _BY_CANDIDATES * rank


@part
def _named(symbols, found, mirrors, size, blocks, moved, keys):
    """Keys of the candidates that symbols name → whether there are all of them; a new vector has
    the predictor's, and what builds on a mirrored one 0, with a candidate of 0.
    """
    _ids, _spreads, candidates, ranks = found
    for one in range(len(symbols)):
        block, chosen = blocks[one], 0
        if symbols[one] > 0:
            for layer in range(len(moved) // size):
                moved[layer * size + block % size] = 1
        if 0 < symbols[one] < NEW_VECTOR:
            for candidate in range(1, _CANDIDATES):
                if ranks[candidate, one] == symbols[one]:
                    chosen = candidate
            if chosen == 0:
                return False
        keys[one] = candidates[chosen, one]
        builds = chosen == 0 and mirrors[block]
        if builds:
            keys[one] = 0
        ranks[0, one] = builds
    return True


@part
def _complete(blocks, keys, ranks, directions, distances, motion):
    """The motion of a stage's blocks to all references; ranks (6, n): the first ones say who builds
    on mirrored predictors, as ``_named`` leaves them.
    """
    size = len(directions)
    for one in range(len(blocks)):
        block = blocks[one]
        motion[block] = keys[one]
        if ranks[0, one]:  # only now is the vector to the past known that this one turns around
            motion[block] += scaled_key(motion[block - size], distances[1], distances[0])
    if len(motion) == size:
        return
    for block in blocks:
        if directions[block % size] != _AVERAGE and block < size:
            motion[block + size] = scaled_key(motion[block], distances[1], distances[0])
    for block in blocks:
        if directions[block % size] != _AVERAGE and block >= size:
            motion[block - size] = scaled_key(motion[block], distances[0], distances[1])


@part
def _led(every, around, stage, leads, merged):
    """Of a stage, the first and the last of all: its blocks that lead (n,), their neighbours (4,
    n), and whether one of them is of a merged one.
    """
    first, last = stage
    count, is_merged = 0, False
    for place in range(first, last):
        count += leads[every[place]]
    blocks, near = np.empty(count, np.int64), np.empty((4, count), np.int64)
    count = 0
    for place in range(first, last):
        block = every[place]
        if leads[block]:
            blocks[count] = block
            for member in range(4):
                near[member, count] = around[member, place]
            count += 1
            is_merged |= merged[block]
    return blocks, near, is_merged


@part
def _new_ones(symbols):
    """Which symbols (n,) are new vectors."""
    count = 0
    for symbol in symbols:
        count += symbol == NEW_VECTOR
    new = np.empty(count, np.int64)
    count = 0
    for one in range(len(symbols)):
        if symbols[one] == NEW_VECTOR:
            new[count] = one
            count += 1
    return new


@part
def decode_vectors(reader, tables, increments, stages, planes, merging, frame):
    """``VectorLayer.code`` → bits spent, -1 for damage, -2 for a candidate that there is not, -3
    for a vector that is too long.

    tables, increments: of ``vector_merge`` and ``vector_delta``.  stages: their blocks, neighbours
    (4, n), and of every stage the first, the last and its kind.  planes: motion, which is made,
    whether it is new, available, temporal motion, mirrors, fixed contexts.  merging: who leads,
    who belongs to a merged block; followers and whom they follow.  frame: directions of blocks,
    and distances of its references.
    """
    (every, around, bounds), (leads, merged, followers, followed) = stages, merging
    motion, moved, _, _, mirrors, _ = planes
    (directions, distances), total = frame, 0.0
    for stage in range(len(bounds)):
        first, last, kind = bounds[stage, 0], bounds[stage, 1], bounds[stage, 2]
        blocks, near, is_merged = _led(every, around, (first, last), leads, merged)
        count = len(blocks)
        if count == 0:
            continue
        found = (
            np.empty(count, np.int64),
            np.empty(count, np.int64),
            np.empty((_CANDIDATES, count), np.int64),
            np.empty((_CANDIDATES, count), np.int64),
        )
        _candidates(blocks, near, kind, planes, found)
        symbols, keys = np.empty(count, np.int64), np.empty(count, np.int64)
        bits = decode_by_table(reader, tables[0], increments[0], found[0], symbols)
        if bits < 0:
            return bits
        total += bits
        if not _named(symbols, found, mirrors, len(directions), blocks, moved, keys):
            return NO_CANDIDATE
        new = _new_ones(symbols)
        if len(new):
            bits = _code_new(reader, tables[1], increments[1], new, found[1], keys)
            if bits < 0:
                return bits
            total += bits
        _complete(blocks, keys, found[3], directions, distances, motion)
        for one in new:
            down, across = vector_of(motion[blocks[one]])
            if max(abs(down), abs(across)) > VECTOR_LIMIT:
                return TOO_LONG
        if is_merged:
            for one in range(len(followers)):
                motion[followers[one]] = motion[followed[one]]
                moved[followers[one]] = moved[followed[one]]
    return total
