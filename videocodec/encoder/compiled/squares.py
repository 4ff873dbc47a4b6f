"""Candidates of vectors priced: ``picture_prices`` and ``block_costs``, block by block."""

from __future__ import annotations

import numpy as np

from bitstream.v2.compiled.jit import part
from bitstream.v2.compiled.layers import add_products
from bitstream.v2.compiled.vectors import load, minus, store

from .jit import kernel

SIDE = 16  # samples of a square
_INPUTS = 3 * SIDE * SIDE
_AT_ONCE = 48  # blocks


@part
def _lacking(source, reference, places, planes, into, out):
    """What a square lacks of the source's; places: where both begin in flat planes; planes: from
    one to the next, and from row to row, of both.
    """
    for plane in range(3):
        one = places[0] + plane * planes[0]
        other = places[1] + plane * planes[2]
        for _ in range(SIDE):
            store(out, into, minus(load(source, one, SIDE), load(reference, other, SIDE)))
            one += planes[1]
            other += planes[3]
            into += SIDE


@part
def costs_of(prediction, at, position, scene, table, constants):
    """Of skipping a position, and of coding what a row of predictions (n, C) lacks."""
    target, weights, rows, scale = scene
    factor = scale[position]
    skip, residual = np.float32(0), np.float32(0)
    for channel in range(prediction.shape[1]):
        distance = np.float32(prediction[at, channel]) * factor
        distance = abs(target[position, channel] - distance)
        skip += distance * distance * weights[position, channel]
        steps = min(distance * constants[2], constants[3])
        residual += table[np.int32(steps) + rows[position, channel]]
    return skip + constants[0], residual + constants[1]


@part
def cost_of(prediction, at, position, scene, table, constants):
    """The less of both."""
    skip, residual = costs_of(prediction, at, position, scene, table, constants)
    return min(skip, residual)


# Targets, weights, rows of tables and scales by position; the table; λ · bits and table's measures.
_SCENE = (
    "Tuple((float32[:, ::1], float32[:, ::1], int32[:, ::1], float32[::1])), float32[::1],"
    " UniTuple(float32, 4)"
)
PRICING = (
    "Tuple((int16[::1], int16[::1], boolean, UniTuple(int64, 11), int32[:, ::1], int32[:, ::1],"
    f" Tuple((int16[::1], int32[:, ::1])), {_SCENE}))"
)


@kernel(f"void({PRICING}, int64[::1], int64[:, ::1], int32[:, ::1], float64[::1])")
def priced(pricing, blocks, vectors, prediction, cost):
    """``PicturePrices.priced`` of blocks of one position each.

    pricing: the source, which goes on beyond its edge as far as squares begin before blocks; what
    lies in a reference and between its pixels; whether blocks that stand still are copied; sizes:
    columns of blocks; of the reference, from phase to phase, plane to plane and row to row; how far
    it goes on beyond its edge; last row and last column of its squares; px a block and px that a
    square begins before it; of the source, from plane to plane and row to row.  Then latents
    (blocks, C) of the frame and of the reference,
    packed weights of the map with bias and shift, and ``FrameCosts.scene``.
    """
    source, reference, copies, sizes, latents, copied, mapping, scene, table, constants = pricing
    columns, by_phase, by_plane, by_row, margin, last_row, last_column = sizes[:7]
    pixels, before, of_plane, of_row = sizes[7:]
    channels = latents.shape[1]
    inputs = np.empty(_AT_ONCE * _INPUTS, np.int16)
    sums = np.empty(_AT_ONCE * mapping[1].shape[1], np.int32)
    moving = np.empty(_AT_ONCE, np.int64)
    planes = of_plane, of_row, by_plane, by_row
    first = 0
    while first < len(blocks):
        count, place = 0, first
        while place < len(blocks) and count < _AT_ONCE:
            block, down, across = blocks[place], vectors[place, 0], vectors[place, 1]
            if copies and down == 0 and across == 0:
                for channel in range(channels):
                    prediction[place, channel] = copied[block, channel]
            else:
                row, column = block // columns * pixels, block % columns * pixels
                top = row - before + (down >> 1) + margin
                left = column - before + (across >> 1) + margin
                top, left = min(max(top, 0), last_row), min(max(left, 0), last_column)
                start = (2 * (down & 1) + (across & 1)) * by_phase + top * by_row + left
                places = row * of_row + column, start
                _lacking(source, reference, places, planes, count * _INPUTS, inputs)
                moving[count] = place
                count += 1
            place += 1
        weights, scales = mapping
        outputs = scales.shape[1]
        for row in range(count):
            for output in range(outputs):
                sums[row * outputs + output] = scales[0, output]
        add_products(inputs, weights, sums, (0, 0), count, (_INPUTS // 2, _INPUTS, outputs))
        for row in range(count):
            into = moving[row]
            for channel in range(channels):
                mapped = sums[row * outputs + channel] >> scales[1, channel]
                prediction[into, channel] = latents[blocks[into], channel] - mapped
        for each in range(first, place):
            cost[each] = cost_of(prediction, each, blocks[each], scene, table, constants)
        first = place


@kernel(f"void(int32[:, ::1], int32[:, ::1], {_SCENE}, int32[:, ::1], float64[::1])")
def averaged(past, future, scene, table, constants, out, cost):
    """The averages of two predictions (n, C) of all positions, and what they cost (n,)."""
    for position in range(len(past)):
        for channel in range(past.shape[1]):
            both = past[position, channel] + future[position, channel]
            out[position, channel] = (both + 1) >> 1
        cost[position] = cost_of(out, position, position, scene, table, constants)


@kernel(f"void(int32[:, ::1], {_SCENE}, float32[:, ::1])")
def apart(prediction, scene, table, constants, costs):
    """What skipping all positions costs, and coding what predictions (n, C) lack: (2, n)."""
    for position in range(len(prediction)):
        skip, residual = costs_of(prediction, position, position, scene, table, constants)
        costs[0, position], costs[1, position] = skip, residual
