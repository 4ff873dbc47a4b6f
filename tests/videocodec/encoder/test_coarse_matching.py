"""All shifts of a halved picture are tried, and the best is the one that a loop would find."""

from __future__ import annotations

import numpy as np
import pytest

from videocodec.encoder.coarse_matching import best_shifts, halved

REACH = 10


def looked_for(now: np.ndarray, before: np.ndarray, start: np.ndarray, side: int) -> np.ndarray:
    """One shift of one block after another."""
    height, width = now.shape
    pad = REACH + int(np.abs(start).max())
    around = np.pad(before, pad, mode="edge").astype(np.int64)
    best = np.zeros((height // side, width // side, 2), dtype=np.int64)
    for row, column in np.ndindex(*best.shape[:2]):
        top, left = row * side, column * side
        block, least = now[top : top + side, left : left + side].astype(np.int64), np.inf
        for y, x in np.ndindex(2 * REACH + 1, 2 * REACH + 1):
            dy, dx = y - REACH + start[0], x - REACH + start[1]
            moved = around[pad + top + dy :, pad + left + dx :][:side, :side]
            cost = np.abs(block - moved).sum() + abs(y - REACH) + abs(x - REACH)
            if cost < least:
                least, best[row, column] = cost, (dy, dx)
    return best


@pytest.mark.parametrize(
    ("side", "size", "start"),
    [(4, (16, 20), (0, 0)), (4, (8, 12), (3, -7)), (8, (16, 24), (-2, 5))],
)
def test_the_best_shift_is_found(side: int, size: tuple[int, int], start: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    now, before = rng.integers(0, 256, (2, *size)).astype(np.uint8)
    at = np.array(start)
    assert np.array_equal(best_shifts(now, before, at, side), looked_for(now, before, at, side))


def test_flat_blocks_stay_where_the_search_starts() -> None:
    flat = np.full((16, 16), 90, dtype=np.uint8)
    assert (best_shifts(flat, flat, np.array((4, -6)), 4) == (4, -6)).all()


def test_a_halved_picture_has_the_means_of_its_pixels() -> None:
    luma = np.array([[0, 100, 8, 8], [100, 200, 8, 8]], dtype=np.uint8)
    assert halved(luma).tolist() == [[100, 8]]
