"""The syntax elements of version 2's block layer: contexts, alphabets, increments.

The contexts are those of the formulas in FORMAT-2.md, section 10; tests/bitstream/v2 compares the
two.
"""

from __future__ import annotations

from ..v1.block_elements import DIFFERENCE_RADIUS, NEW_VECTOR, BlockElement
from ..v1.block_fields import Direction, Mode
from ..v1.context_layouts import ContextLayout

MERGE_SIDES = (8, 4, 2)  # blocks, in the order in which the syntax asks for squares
INTRA = len(Direction)  # symbol of a block that is not predicted

DERIVED_SIDES = (*MERGE_SIDES, 1)
LEAF_CLASS = 2  # of a frame with two references next to it, see ``BlockContext.frame_class``

# depth: of the side in DERIVED_SIDES.  leaf: whether both references are next to the frame.
# second_pass: of the checkerboard.  motion: 0 where temporal motion is 0 all over the square, 1
# where it is the same, else 2.  references: in how many all of the square is derived.  neighbours:
# how many squares around it are.
DERIVED = ContextLayout(depth=4, leaf=2, second_pass=2, motion=3, references=3, neighbours=5)

# depth: of the side in MERGE_SIDES.  two_references: whether the frame has a future one.
# second_pass: of the checkerboard.  references: in how many the square is merged.  steady: whether
# temporal motion is the same all over the square.  neighbours: how many are merged.
BLOCK_MERGE = ContextLayout(
    depth=3, two_references=2, second_pass=2, references=3, steady=2, neighbours=5
)

# two_references: as above.  source: the direction of this place in the source, 3 if it is intra.
# size: log2 of the side of the merged block, 0 for a block by itself.  votes: 0 without neighbours,
# else 1 + 2 · their most frequent direction + whether all of them have it.
DIRECTION = ContextLayout(two_references=2, source=4, size=4, votes=7)

# size: as above.  place: 2 for a mirrored predictor, else 1 in edge stages, else 0.  neighbours:
# how many have a vector that is not its predictor.  candidates: how many there are beside the
# predictor.
VECTOR_MERGE = ContextLayout(size=4, place=3, neighbours=5, candidates=6)

# spread: how far the motion of the neighbours lies apart.  vertical_zero: whether the vertical
# difference is 0.
SPREADS = 5
VERTICAL_DIFFERENCE = ContextLayout(spread=SPREADS)
HORIZONTAL_DIFFERENCE = ContextLayout(VERTICAL_DIFFERENCE.count, spread=SPREADS, vertical_zero=2)

# Whether a square has a block that is not skipped.  depth, second_pass: as above.  frame_class: 0
# with one reference; with two, 2 if both are next to the frame, else 1.  references: in how many
# one of its blocks is coded.  moving: whether one of its blocks moves.  neighbours: how many of
# those above, below, left and right are so, or may be so as far as is known.
SQUARE = ContextLayout(depth=3, frame_class=3, second_pass=2, references=3, moving=2, neighbours=5)

# frame_class: as above.  stage: a StageKind.  references: in how many the block is coded.  moving:
# whether it moves.  square: 0 if no block of its square of side 2 is known yet, 1 if all that are
# known are skipped, else 2.  neighbours: how many are coded.
MODE = ContextLayout(frame_class=3, stage=3, references=3, moving=2, square=3, neighbours=5)


def _element(*contexts: ContextLayout, symbols: int, name: str, increment: int) -> BlockElement:
    return BlockElement(contexts, symbols, increment, name)


BLOCK_ELEMENTS = {
    name: _element(*contexts, symbols=symbols, name=name, increment=increment)
    for name, contexts, symbols, increment in (
        ("derived", (DERIVED,), 2, 1024),
        ("block_merge", (BLOCK_MERGE,), 2, 1024),
        ("direction", (DIRECTION,), len(Direction) + 1, 1024),
        ("vector_merge", (VECTOR_MERGE,), NEW_VECTOR + 1, 1024),
        (
            "vector_delta",
            (VERTICAL_DIFFERENCE, HORIZONTAL_DIFFERENCE),
            2 * DIFFERENCE_RADIUS + 3,
            512,
        ),
        ("square", (SQUARE,), 2, 1024),
        ("mode", (MODE,), len(Mode) - 1, 1024),
    )
}
BLOCK_TABLES = {name: element.shape for name, element in BLOCK_ELEMENTS.items()}
