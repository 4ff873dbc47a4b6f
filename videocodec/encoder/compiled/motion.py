"""Vectors of a stage chosen as ``picture_search`` does it."""

from __future__ import annotations

import numpy as np

from bitstream.v2.compiled.jit import part

from .jit import kernel
from .squares import PRICING, priced

_CANDIDATES = 6  # of ``VectorCandidates``
_NEW = 6


@part
def _predicted(vectors, neighbours, each, fallback, out):
    """Guess from the neighbours of a leader → how far they lie apart (``middle_and_extent``);
    vectors (blocks, 2), neighbours (4, n).
    """
    count = 0
    for beside in range(4):
        count += neighbours[beside, each] >= 0
    if count == 0:
        out[0], out[1] = fallback[0], fallback[1]
        return -1
    extent, last = np.int64(0), count - 1
    ordered = np.empty(4, np.int64)
    for component in range(2):
        known = 0
        for beside in range(4):
            block = neighbours[beside, each]
            if block >= 0:
                place, value = known, vectors[block, component]
                while place > 0 and ordered[place - 1] > value:
                    ordered[place] = ordered[place - 1]
                    place -= 1
                ordered[place] = value
                known += 1
        out[component] = (ordered[last >> 1] + ordered[count >> 1]) >> 1
        extent = max(extent, ordered[last] - ordered[0])
    return extent if count >= 2 else -1


@part
def _spread_class(extent):
    if extent < 0:
        return 0
    if extent == 0:
        return 1
    return 2 if extent <= 2 else 3 if extent <= 6 else 4


@part
def _symbol(options, fresh, down, across):
    """Of a vector; options (6, 2), fresh (6,): how many different ones there are up to each, the
    number of an earlier one that is the same below 0.
    """
    for option in range(_CANDIDATES):
        if fresh[option] >= 0 and options[option, 0] == down and options[option, 1] == across:
            return fresh[option]
    return _NEW


@part
def _component(deltas, table, value):
    radius = (deltas.shape[1] - 3) >> 1
    bits = deltas[table, min(max(value, -radius), radius) + radius]
    return bits + (8.0 if abs(value) > radius else 0.0)


@part
def _seen(known, usable, block, down, across):
    """Whether a block has had a vector already."""
    for each in range(len(known)):
        if (
            usable[each, block]
            and known[each, block, 0] == down
            and known[each, block, 1] == across
        ):
            return True
    return False


@part
def _options(vectors, neighbours, each, temporal, options, fresh):
    """What the syntax predicts the vector of a leader from → how far neighbours lie apart, and how
    many options differ from the first.
    """
    extent = _predicted(vectors, neighbours, each, temporal, options[0])
    options[1, 0], options[1, 1] = temporal[0], temporal[1]
    for beside in range(4):
        block = neighbours[beside, each]
        options[2 + beside, 0] = vectors[block, 0] if block >= 0 else 0
        options[2 + beside, 1] = vectors[block, 1] if block >= 0 else 0
    count = 0
    for option in range(_CANDIDATES):
        fresh[option] = count
        for earlier in range(option):
            if (
                options[earlier, 0] == options[option, 0]
                and options[earlier, 1] == options[option, 1]
            ):
                fresh[option] = -1
        count += fresh[option] >= 0
    return extent, count - 1


@part
def _bits(tables, strides, contexts, options, fresh, vector):
    """Of the vector of a leader; contexts: of ``vector_merge``, class of the spread."""
    merging, deltas = tables
    down, across = vector
    symbol = _symbol(options, fresh, down, across)
    bits = merging[contexts[0], symbol]
    if symbol == _NEW:
        by_row, by_column = down - options[0, 0], across - options[0, 1]
        beside = strides[5] + strides[6] * contexts[1] + strides[7] * (by_row == 0)
        bits += _component(deltas, strides[4] * contexts[1], by_row) + _component(
            deltas, beside, by_column
        )
    return bits


@part
def _asked(known, leading, led, options, fresh, tried, first):
    """The blocks and vectors of new candidates of all leaders; first (n, 6): where those of each
    begin, -1 for none.
    """
    blocks, (starts, members, _) = leading[0], led
    most = 0
    for block in blocks:
        most += tried * (starts[block + 1] - starts[block])
    at, moves, count = np.empty(most, np.int64), np.empty((most, 2), np.int64), 0
    for each in range(len(blocks)):
        block = blocks[each]
        for option in range(tried):
            down, across = options[each, option, 0], options[each, option, 1]
            if fresh[each, option] < 0 or _seen(known[0], known[2], block, down, across):
                continue
            first[each, option] = count
            for member in range(starts[block], starts[block + 1]):
                at[count], moves[count, 0], moves[count, 1] = members[member], down, across
                count += 1
    return at[:count], moves[:count]


@part
def _best(known, leader, own, price, prices, contexts):
    """The cheapest candidate of a leader → its number, those of the new ones after all known, and
    λ · bits.

    leader: its block, and how many it leads.  own: its options, which of them are fresh, and where
    the costs of new ones begin in ``price``.
    """
    (block, length), (options, fresh, new) = leader, own
    tables, strides, lagrangian, _ = prices
    fields, sums, usable = known
    best, chosen, rate = np.inf, 0, 0.0
    for option in range(len(fields) + len(new)):
        another = option - len(fields)
        if another < 0:
            if not usable[option, block]:
                continue
            vector, total = (
                (fields[option, block, 0], fields[option, block, 1]),
                sums[option, block],
            )
        else:
            if new[another] < 0:
                continue
            vector, total = (options[another, 0], options[another, 1]), 0.0
            for member in range(length):
                total += price[new[another] + member]
        bits = lagrangian * _bits(tables, strides, contexts, options, fresh, vector)
        if total + bits < best:
            best, chosen, rate = total + bits, option, bits
    return chosen, rate


@kernel(
    f"void({PRICING}, Tuple((int64[:, :, ::1], float64[:, ::1], boolean[:, ::1])),"
    " Tuple((int64[::1], int64[:, ::1], int64)), UniTuple(int64[::1], 3), int64[:, ::1],"
    " Tuple((UniTuple(float64[:, ::1], 2), UniTuple(int64, 8), float64, int64)),"
    " Tuple((int64[:, ::1], int64[::1], int64[::1], float64[::1], float64[::1], int32[:, ::1])))"
)
def stage(pricing, known, leading, led, temporal, prices, canvas):
    """``TabledVectorChooser``: the vectors of a stage.

    known: vectors of candidates (n, blocks, 2), their sums over merged blocks, and where they are
    usable.  leading: leaders, their neighbours (4, n), the digit of the place.  led: where the
    blocks that each block leads begin among all of these, these, and the sides of merged blocks as
    contexts have them.  temporal (blocks, 2).  prices: costs of what vectors may be merged with and
    of differences; strides of size, place, neighbours and candidates; of the vertical spread; the
    first horizontal table, and strides of spread and ``vertical_zero``; λ; how many of the
    predictions are new candidates.
    canvas: what is chosen: vectors, which candidate (-1: a new one), whether a vector is not its
    predictor, λ · bits; of new candidates costs of blocks and predictions.
    """
    vectors, choice, moved, rates, costs, predictions = canvas
    blocks, neighbours, place = leading
    starts, members, sizes = led
    _, strides, _, tried = prices
    options = np.empty((len(blocks), _CANDIDATES, 2), np.int64)
    fresh = np.empty((len(blocks), _CANDIDATES), np.int64)
    contexts = np.empty((len(blocks), 2), np.int64)
    first = np.full((len(blocks), _CANDIDATES), -1, np.int64)
    for each in range(len(blocks)):
        block = blocks[each]
        extent, others = _options(
            vectors, neighbours, each, temporal[block], options[each], fresh[each]
        )
        around = 0
        for beside in range(4):
            if neighbours[beside, each] >= 0:
                around += moved[neighbours[beside, each]]
        context = strides[0] * sizes[block] + strides[1] * place
        contexts[each, 0] = context + strides[2] * around + strides[3] * others
        contexts[each, 1] = _spread_class(extent)
    at, moves = _asked(known, leading, led, options, fresh, tried, first)
    found, price = np.empty((len(at), predictions.shape[1]), np.int32), np.empty(len(at))
    priced(pricing, at, moves, found, price)
    for each in range(len(blocks)):
        block = blocks[each]
        begin, end = starts[block], starts[block + 1]
        own = options[each], fresh[each], first[each]
        of_leader = contexts[each, 0], contexts[each, 1]
        chosen, rate = _best(known, (block, end - begin), own, price, prices, of_leader)
        new = chosen - len(known[0])
        if new < 0:
            down, across = known[0][chosen, block, 0], known[0][chosen, block, 1]
        else:
            down, across = options[each, new, 0], options[each, new, 1]
        is_moved = np.int64(_symbol(options[each], fresh[each], down, across) > 0)
        rates[block] = rate
        for member in range(begin, end):
            to = members[member]
            vectors[to, 0], vectors[to, 1], moved[to] = down, across, is_moved
            choice[to] = chosen if new < 0 else -1
            if new >= 0:
                place_of = first[each, new] + member - begin
                costs[to] = price[place_of]
                for channel in range(predictions.shape[1]):
                    predictions[to, channel] = found[place_of, channel]
