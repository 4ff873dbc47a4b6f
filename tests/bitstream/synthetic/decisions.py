"""Random decisions of an encoder: block layers and levels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.level_syntax import LevelChooser, PassContext
from bitstream.v1.prediction import VECTOR_LIMIT
from bitstream.v1.quantiser import MAX_LEVEL
from bitstream.v2.derived_blocks import DerivableFields

from .integers import RawIntegers


def random_fields(
    random: RawIntegers, height: int, width: int, two_references: bool
) -> BlockFields:
    """A block layer with every mode, every direction the frame may use; motion shared, nearly
    shared, straight, odd and very large.
    """
    return join_units(random, single_blocks(random, height, width, two_references))


def single_blocks(
    random: RawIntegers, height: int, width: int, two_references: bool
) -> BlockFields:
    """The same with every block by itself."""
    choices = np.array(
        [Mode.SKIP, Mode.SKIP, Mode.SKIP, Mode.RESIDUAL, Mode.RESIDUAL, Mode.GENERATE, Mode.INTRA],
        dtype=np.int64,
    )
    modes = choices[random.below(len(choices), height, width)]
    directions = (
        random.below(3, height, width)
        if two_references
        else np.zeros((height, width), dtype=np.int64)
    )
    directions[modes == Mode.INTRA] = Direction.PAST
    shared = random.around(12, 2, 1, 1, 2)
    kind = random.below(12, 2, height, width, 1)
    vectors = np.where(
        kind < 5, shared, np.where(kind == 5, 0, random.around(9, 2, height, width, 2))
    )
    vectors = np.where(
        (kind == 6) | (kind == 7), shared + random.around(1, 2, height, width, 2), vectors
    )
    vectors = np.where(kind == 8, random.around(VECTOR_LIMIT, 2, height, width, 2), vectors)
    straight = (directions == Direction.AVERAGE) & (random.below(2, height, width) == 0)
    vectors[1][straight] = -vectors[0][straight]
    for reference, unused in ((0, Direction.FUTURE), (1, Direction.PAST)):
        vectors[reference][(modes == Mode.INTRA) | (directions == unused)] = 0
    return BlockFields(modes, directions, vectors, np.ones((height, width), dtype=np.int64))


def with_derived(
    random: RawIntegers, fields: BlockFields, motion: np.ndarray, odds: int = 2
) -> DerivableFields:
    """The same with derived blocks, whose vectors are those of ``motion`` (2, bh, bw, 2): whole
    squares of all sides, one in ``odds``, and single blocks.
    """
    height, width = fields.modes.shape
    derived = np.zeros((height, width), dtype=bool)
    for side in (8, 4, 2, 1):
        chosen = random.below(odds * 4 // max(1, side // 2), -(-height // side), -(-width // side))
        derived |= (chosen == 0).repeat(side, 0).repeat(side, 1)[:height, :width]
    for side in (8, 4, 2):  # a square that moves as one is derived as a whole
        for row, column in np.ndindex(-(-height // side), -(-width // side)):
            square = np.s_[row * side : (row + 1) * side, column * side : (column + 1) * side]
            if derived[square].any() and fields.sides[square][0, 0] == side:
                derived[square] = True
    out = DerivableFields(**vars(fields), derived=derived)
    out.sides[derived], out.directions[derived] = 1, Direction.AVERAGE
    out.modes[derived & (out.modes == Mode.INTRA)] = Mode.RESIDUAL
    out.vectors[:, derived] = motion[:, derived]
    return out


# Rows and columns of blocks, whether there are two references → the block layer of a frame.
FieldsMaker = Callable[[RawIntegers, int, int, bool], BlockFields]


def still_fields(random: RawIntegers, height: int, width: int, two_references: bool) -> BlockFields:
    """Nothing moves, every block by itself with levels."""
    return BlockFields.blank(height, width, Mode.RESIDUAL)


def counted_fields(*counts: int) -> FieldsMaker:
    """A maker that remembers: nothing moves, and in the first frames so many blocks have levels,
    from the upper left on; later, all.
    """
    left = list(counts)

    def make(random: RawIntegers, height: int, width: int, two_references: bool) -> BlockFields:
        fields = BlockFields.blank(height, width, Mode.RESIDUAL)
        if left:
            fields.modes.reshape(-1)[left.pop(0) :] = Mode.SKIP
        return fields

    return make


def scattered_fields(
    random: RawIntegers, height: int, width: int, two_references: bool
) -> BlockFields:
    """Every block by itself, many intra, with vectors that differ from their neighbours' by 40 px
    at most.
    """
    fields = BlockFields.blank(height, width, Mode.SKIP)
    fields.modes[:] = random.below(len(Mode), height, width)
    fields.directions[:] = random.below(3 if two_references else 1, height, width)
    fields.directions[fields.modes == Mode.INTRA] = Direction.PAST
    fields.vectors[:] = random.around(40, 2, height, width, 2)
    for reference, unused in ((0, Direction.FUTURE), (1, Direction.PAST)):
        fields.vectors[reference][(fields.modes == Mode.INTRA) | (fields.directions == unused)] = 0
    return fields


def join_units(random: RawIntegers, fields: BlockFields) -> BlockFields:
    """Make units of 4 and of 2 blocks a side out of about half of those that may be one."""
    height, width = fields.modes.shape
    for side in (4, 2):
        for row, column in np.ndindex(-(-height // side), -(-width // side)):
            unit = np.s_[row * side : (row + 1) * side, column * side : (column + 1) * side]
            modes = fields.modes[unit]
            # or hardly any unit would do
            modes[modes == Mode.INTRA] = np.where(random.one(4), Mode.SKIP, Mode.INTRA)
            if (
                random.one(2)
                and modes.size > 1
                and (modes != Mode.INTRA).all()
                and fields.sides[unit][0, 0] == 1
            ):
                fields.sides[unit] = side
                fields.directions[unit] = fields.directions[unit][0, 0]
                for vectors in fields.vectors:
                    vectors[unit] = vectors[unit][0, 0]
    return fields


def random_levels(random: RawIntegers, escape_odds: int = 150) -> LevelChooser:
    """A chooser whose levels lie near the networks' means, and one in ``escape_odds`` is anything
    the format can hold.
    """

    def choose(passed: PassContext) -> np.ndarray:
        context, count = passed.context, len(passed.rows) * passed.channels
        levels = context.sign * context.base + random.peaked(count) * (1 + random.below(2, count))
        anything = random.around(MAX_LEVEL, count) >> random.below(10, count)
        return np.where(random.below(escape_odds, count) == 0, anything, levels).reshape(
            len(passed.rows), passed.channels
        )

    return choose


def wide_levels(random: RawIntegers, escape_odds: int) -> LevelChooser:
    """Levels of every symbol alike, and some at the limits."""

    def choose(passed: PassContext) -> np.ndarray:
        context, count = passed.context, len(passed.rows) * passed.channels
        levels = context.sign * (context.base + random.around(40, count))
        limits = np.where(random.below(2, count) > 0, MAX_LEVEL, -MAX_LEVEL)
        return np.where(random.below(escape_odds, count) == 0, limits, levels).reshape(
            len(passed.rows), passed.channels
        )

    return choose


def no_levels(random: RawIntegers, escape_odds: int) -> LevelChooser:
    """Levels of 0, which are coded all the same."""
    return lambda passed: np.zeros((len(passed.rows), passed.channels), dtype=np.int64)


LevelsMaker = Callable[[RawIntegers, int], LevelChooser]


def levels_after(count: int) -> LevelsMaker:
    """Levels of 0 for so many of a stream, then random ones."""

    def make(random: RawIntegers, escape_odds: int) -> LevelChooser:
        left, later, now = count, random_levels(random, escape_odds), no_levels(random, escape_odds)

        def choose(passed: PassContext) -> np.ndarray:
            nonlocal left
            left -= len(passed.rows) * passed.channels
            return (now if left >= 0 else later)(passed)

        return choose

    return make
