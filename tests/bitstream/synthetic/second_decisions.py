"""Random decisions of an encoder of format version 2: block layers and levels."""

from __future__ import annotations

import numpy as np

from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.quantiser import MAX_LEVEL
from bitstream.v2.block_elements import MERGE_SIDES
from bitstream.v2.derived_blocks import DerivableFields
from bitstream.v2.pass_coder import LevelChooser, PassContext

from .decisions import single_blocks, with_derived
from .integers import RawIntegers


def busy_fields(random: RawIntegers, height: int, width: int, two_references: bool) -> BlockFields:
    """Every mode, direction and kind of motion, in squares of every side."""
    return join_squares(random, single_blocks(random, height, width, two_references))


def calm_fields(random: RawIntegers, height: int, width: int, two_references: bool) -> BlockFields:
    """Frames in which nothing moves; most blocks are skipped."""
    fields = single_blocks(random, height, width, two_references)
    fields.vectors[:] = 0
    _thin_out(random, fields)
    return join_squares(random, fields)


def mixed_fields(random: RawIntegers, height: int, width: int, two_references: bool) -> BlockFields:
    """Busy frames, calm ones, frames of few coded blocks, without any, and of intra blocks."""
    kind = random.one(6)
    if kind == 0:
        return calm_fields(random, height, width, two_references)
    fields = single_blocks(random, height, width, two_references)
    if kind == 1:
        fields.modes[:] = Mode.SKIP
    elif kind == 2:
        _thin_out(random, fields)
    elif kind == 3:
        return BlockFields.blank(height, width, Mode.INTRA)
    return join_squares(random, fields)


def derived_fields(
    random: RawIntegers, height: int, width: int, two_references: bool
) -> BlockFields:
    """Busy frames, or calm ones, and derived blocks where there can be any; their vectors are what
    the pictures show.
    """
    make = calm_fields if random.one(3) == 0 else busy_fields
    fields = make(random, height, width, two_references)
    if not two_references:
        return fields
    nothing = np.zeros_like(fields.vectors)
    if random.one(3) == 0:  # nearly all are
        fields = single_blocks(random, height, width, two_references)
        every = DerivableFields(**vars(fields), derived=random.below(6, height, width) > 0)
        every.modes[every.derived & (every.modes == Mode.INTRA)] = Mode.SKIP
        every.directions[every.derived] = Direction.AVERAGE
        every.vectors[:, every.derived] = 0
        return every
    return with_derived(random, fields, nothing, (1, 2, 4)[random.one(3)])


def coded_fields(random: RawIntegers, height: int, width: int, two_references: bool) -> BlockFields:
    """Nothing moves, and every block has levels; one in four is intra."""
    fields = BlockFields.blank(height, width, Mode.RESIDUAL)
    fields.modes[random.below(4, height, width) == 0] = Mode.INTRA
    return fields


def spread_fields(
    random: RawIntegers, height: int, width: int, two_references: bool
) -> BlockFields:
    """Every block by itself, with vectors within ±13 px."""
    fields = single_blocks(random, height, width, two_references)
    fields.vectors[:] = random.around(26, 2, height, width, 2)
    _drop_unused(fields)
    return fields


def alike_fields(random: RawIntegers, height: int, width: int, two_references: bool) -> BlockFields:
    """Long motion in steps of one, so that squares have what is around them."""
    fields = single_blocks(random, height, width, two_references)
    signs = 1 - 2 * random.below(2, 2, 1, 1, 2)
    long = signs * (460 + random.below(40, 2, 1, 1, 2))
    fields.vectors[:] = long + random.around(1, 2, height, width, 2)
    _drop_unused(fields)
    return join_squares(random, fields)


def join_squares(random: RawIntegers, fields: BlockFields) -> BlockFields:
    """Merge a third of the squares of every side, which lose their intra blocks."""
    height, width = fields.modes.shape
    for side in MERGE_SIDES:
        for row, column in np.ndindex(-(-height // side), -(-width // side)):
            unit = np.s_[row * side : (row + 1) * side, column * side : (column + 1) * side]
            is_free = fields.sides[unit].size > 1 and fields.sides[unit][0, 0] == 1
            if random.one(3) or not is_free:
                continue
            modes = fields.modes[unit]
            modes[modes == Mode.INTRA] = Mode.SKIP
            fields.sides[unit] = side
            fields.directions[unit] = fields.directions[unit][0, 0]
            for vectors in fields.vectors:
                vectors[unit] = vectors[unit][0, 0]
    return fields


def drawn_levels(random: RawIntegers, escape_odds: int) -> LevelChooser:
    """Levels about 0, one in 16 within ±100, one in ``escape_odds`` anything that there is."""

    def choose(passed: PassContext) -> np.ndarray:
        shape = passed.mean.shape
        levels = random.peaked(*shape) * (1 + random.below(2, *shape))
        levels = np.where(random.below(16, *shape) == 0, random.around(100, *shape), levels)
        anything = random.around(MAX_LEVEL, *shape) >> random.below(12, *shape)
        return np.where(random.below(escape_odds, *shape) == 0, anything, levels)

    return choose


def wide_levels(random: RawIntegers, escape_odds: int) -> LevelChooser:
    """Levels of every symbol alike, and one in ``escape_odds`` at the limits."""

    def choose(passed: PassContext) -> np.ndarray:
        shape = passed.mean.shape
        limits = np.where(random.below(2, *shape) > 0, MAX_LEVEL, -MAX_LEVEL)
        count = np.arange(passed.mean.size).reshape(shape)
        levels = (37 * count + random.one(201)) % 201 - 100
        return np.where(random.below(escape_odds, *shape) == 0, limits, levels)

    return choose


def _thin_out(random: RawIntegers, fields: BlockFields) -> None:
    """All but one block in six are skipped."""
    fields.modes[random.below(6, *fields.modes.shape) > 0] = Mode.SKIP


def _drop_unused(fields: BlockFields) -> None:
    """Vectors that no block uses are 0."""
    intra = fields.modes == Mode.INTRA
    for reference, unused in ((0, Direction.FUTURE), (1, Direction.PAST)):
        fields.vectors[reference][intra | (fields.directions == unused)] = 0
