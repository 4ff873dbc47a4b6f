"""Which neighbours a difference network compares with the middle.

In every pass of the lattice but the first, the channels of the slice itself are known on a
quincunx around a position: the four next to it, which are its surroundings, then eight, then four
further out.  Odd rows and columns see it turned by 45° and √2 as wide, so that a network's inputs
mean the same in both kinds of passes.  The channels before are known everywhere.
"""

from __future__ import annotations

from .scan import NewPositions

NEXT = 4  # the first so many of ``_QUINCUNX`` are next to the position
# Rows and columns of the grid, as a position with an odd sum of both has them.
_QUINCUNX = (
    *((-1, 0), (0, -1), (0, 1), (1, 0)),
    *((-2, -1), (-2, 1), (-1, -2), (-1, 2), (1, -2), (1, 2), (2, -1), (2, 1)),
    *((-3, 0), (0, -3), (0, 3), (3, 0)),
)
_EARLIER = tuple(
    (row, column) for row in range(-2, 3) for column in range(-2, 3) if (row, column) != (0, 0)
)
OWN_TAPS, EARLIER_TAPS = len(_QUINCUNX), len(_EARLIER)
FURTHEST = 3  # positions of the grid, of all taps in any direction
Taps = tuple[tuple[int, int], ...]


def has_surroundings(new: NewPositions) -> bool:
    """Whether the positions of a pass have known ones next to them."""
    return new in (NewPositions.BOTH_ODD, NewPositions.ODD_SUM)


def own_taps(new: NewPositions) -> Taps:
    """Rows and columns of the grid from a position to the known ones around it, in the order of
    the network's inputs; new: what the pass codes.
    """
    if new is NewPositions.BOTH_ODD:
        return tuple((row - column, row + column) for row, column in _QUINCUNX)
    return _QUINCUNX


def earlier_taps() -> Taps:
    """The same in channels of the slices before."""
    return _EARLIER


def taps_of(earlier: int, channels: int) -> int:
    """How many differences the network of a slice sees."""
    return EARLIER_TAPS * earlier + OWN_TAPS * channels
