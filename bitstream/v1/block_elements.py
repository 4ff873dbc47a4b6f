"""The syntax elements of the block layer: contexts, alphabets, increments, and stored names.

The contexts are those of the formulas in FORMAT.md, sections 6.2 to 6.5;
tests/bitstream/v1/test_format_text.py compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

from .block_fields import Direction, Mode
from .context_layouts import ContextLayout

# Symbol of a vector that is none of the candidates, of which there are up to six different ones.
NEW_VECTOR = 6
# Vector differences -32..32 have a symbol; the last two symbols are escapes below and above.
DIFFERENCE_RADIUS = 32

# frame_class: 0 with one reference; with two, 2 if both are next to the frame, else 1.  stage: a
# StageKind.  references: in how many the block is coded.  intra: whether one of the coded
# neighbours is.  neighbours: how many of them are coded.
MODE = ContextLayout(frame_class=3, stage=3, references=3, intra=2, neighbours=5)

# depth: 0 for squares of side 4, 1 for those of side 2.  two_references: whether the frame has a
# future one.  second_pass: of the checkerboard.  coded: none of the blocks, up to half, or more.
# references: in how many the square is merged.  neighbours: half of those that are merged, rounded
# up.
BLOCK_MERGE = ContextLayout(
    depth=2, two_references=2, second_pass=2, coded=3, references=3, neighbours=3
)

# source: the direction of this place in the source, 3 if it is intra.  size: log2 of the side of
# the merged block, 0 for a block by itself.  votes: 0 without neighbours, else 1 + 2 · their most
# frequent direction + whether all of them have it.
DIRECTION = ContextLayout(source=4, size=3, votes=7)

# merged: whether the block leads a merged one.  place: 2 for a mirrored predictor, else 1 in edge
# stages, else 0.  neighbours: how many have a vector that is not its predictor.  candidates: how
# many there are beside the predictor.
VECTOR_MERGE = ContextLayout(merged=2, place=3, neighbours=5, candidates=6)
PLACE_EDGE, PLACE_MIRRORED = 1, 2

# spread: how far the motion of the neighbours lies apart.  vertical_zero: whether the vertical
# difference is 0.
VERTICAL_DIFFERENCE = ContextLayout(spread=3)
HORIZONTAL_DIFFERENCE = ContextLayout(VERTICAL_DIFFERENCE.count, spread=3, vertical_zero=2)


@dataclass(frozen=True)
class BlockElement:
    """A syntax element of the block layer.

    contexts: layouts whose tables follow each other; symbols: of its alphabet; increment: of a
    table's counts for every symbol coded; stored_name: in the tables file of a model, where names
    are frozen.
    """

    contexts: tuple[ContextLayout, ...]
    symbols: int
    increment: int
    stored_name: str

    @property
    def shape(self) -> tuple[int, int]:
        """Tables, symbols."""
        return sum(layout.count for layout in self.contexts), self.symbols


BLOCK_ELEMENTS = {
    "mode": BlockElement((MODE,), len(Mode), 1024, "mode"),
    "block_merge": BlockElement((BLOCK_MERGE,), 2, 1024, "unit"),
    "direction": BlockElement((DIRECTION,), len(Direction), 1024, "direction"),
    "vector_merge": BlockElement((VECTOR_MERGE,), NEW_VECTOR + 1, 1024, "vector_merge"),
    "vector_delta": BlockElement(
        (VERTICAL_DIFFERENCE, HORIZONTAL_DIFFERENCE), 2 * DIFFERENCE_RADIUS + 3, 512, "vector_delta"
    ),
}
