"""The order of positions: each once, and between neighbours that are known."""

from __future__ import annotations

import numpy as np
import pytest

from bitstream.v2.scan import CHECKERBOARD, LATTICE, NewPositions, ScanPass, passes_of

SIZES = [(1, 1), (1, 9), (8, 8), (17, 33), (10, 13)]


@pytest.mark.parametrize("passes", [LATTICE, CHECKERBOARD])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_every_position_is_coded_once(
    passes: tuple[ScanPass, ...], height: int, width: int
) -> None:
    counts = np.zeros((height, width), int)
    for scan_pass in passes:
        stride = scan_pass.stride
        counts[::stride, ::stride] += scan_pass.mask(height, width)
    assert (counts == 1).all()


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_positions_of_the_lattice_have_all_neighbours_of_their_kind(
    height: int, width: int
) -> None:
    """Diagonal ones where both coordinates are odd, direct ones else, inside the picture."""
    known = np.zeros((height, width), bool)
    around = {
        NewPositions.BOTH_ODD: [(-1, -1), (-1, 1), (1, -1), (1, 1)],
        NewPositions.ODD_SUM: [(-1, 0), (1, 0), (0, -1), (0, 1)],
        NewPositions.ALL: [],
    }
    for scan_pass in LATTICE:
        grid = known[:: scan_pass.stride, :: scan_pass.stride]
        mask = scan_pass.mask(height, width)
        padded = np.pad(grid, 1, constant_values=True)
        for dy, dx in around[scan_pass.new]:
            shifted = padded[1 + dy : 1 + dy + mask.shape[0], 1 + dx : 1 + dx + mask.shape[1]]
            assert shifted[mask].all()
        grid[mask] = True
    assert known.all()


def test_passes_can_be_told_apart_by_their_flags() -> None:
    assert len({scan_pass.flags for scan_pass in LATTICE}) == len(LATTICE) == 7
    assert len({scan_pass.flags for scan_pass in CHECKERBOARD}) == 2


def test_four_slices_are_coded_on_the_lattice() -> None:
    assert [passes_of(index) is LATTICE for index in range(6)] == [True] * 4 + [False] * 2
