"""Block layers of version 2 to code."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bitstream.group_structure import FrameReference
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v2.block_elements import MERGE_SIDES

from ..synthetic.decisions import random_fields, with_derived
from ..synthetic.integers import RawIntegers
from .synthetic import random_tables, with_inter_tables

INTER = with_inter_tables(random_tables()).inter
assert INTER is not None
PRIORS = INTER.block_priors


def motion_of(past_distance: int, height: int, width: int) -> np.ndarray:
    """Vectors (2, bh, bw, 2) in the place of those that pictures give."""
    return RawIntegers(-past_distance).around(30, 2, height, width, 2)


def deriver(
    entry: FrameReference, height: int, width: int
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    return lambda *_: motion_of(entry.past - entry.number, height, width)


def fields_of(random: RawIntegers, height: int, width: int, two_references: bool) -> BlockFields:
    """A block layer with every mode and direction, and squares of all sides, some of them
    skipped.
    """
    fields = random_fields(random, height, width, two_references)
    side = MERGE_SIDES[0]
    for row in range(0, height, side):
        for column in range(0, width, side):
            square = np.s_[row : row + side, column : column + side]
            if random.one(3) and fields.modes[square].size > 1:
                fields.modes[square] = Mode.SKIP if random.one(2) else Mode.RESIDUAL
                fields.sides[square] = side
                fields.directions[square] = fields.directions[row, column]
                for vectors in fields.vectors:
                    vectors[square] = vectors[row, column]
    return fields


def derivable_fields_of(
    random: RawIntegers, height: int, width: int, entry: FrameReference
) -> BlockFields:
    """The same, half of those with two references with derived blocks."""
    fields = fields_of(random, height, width, entry.future is not None)
    if entry.future is None or random.one(2):
        return fields
    return with_derived(random, fields, motion_of(entry.past - entry.number, height, width))
