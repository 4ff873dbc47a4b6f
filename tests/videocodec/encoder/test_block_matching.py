"""Matching blocks finds motion that flow only comes near, in halves of a pixel."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from videocodec.encoder.block_matching import BlockMatcher, MatchedLuma, matched_squares
from videocodec.encoder.motion import MotionSearch

GRID = 8, 12  # blocks of 8 px
STILL = np.zeros((*GRID, 2), dtype=np.float32)


def moved(luma: np.ndarray, dy: float, dx: float) -> np.ndarray:
    """A picture whose blocks come from (dy, dx) further in ``luma``."""
    rows, columns = np.indices(luma.shape, dtype=np.float32)
    return np.asarray(
        cv2.remap(luma, columns + dx, rows + dy, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    )


def matched(now: np.ndarray, before: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Vectors in halves of a pixel."""
    return BlockMatcher(8)(MatchedLuma(now, 8), MatchedLuma(before, 8), flow)


@pytest.fixture
def luma() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (64, 96)).astype(np.uint8)
    return (
        np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.5) * 2.0 - 128).clip(0, 255).astype(np.uint8)
    )


@pytest.mark.parametrize("vector", [(0, 0), (3, -5), (-14, 9), (1.5, -2.5)])
def test_one_motion_of_all_is_found(luma: np.ndarray, vector: tuple[float, float]) -> None:
    found = matched(moved(luma, *vector), luma, STILL)
    assert np.median(np.abs(found[2:-2, 2:-2] - 2 * np.array(vector))) == 0


def test_flat_blocks_move_as_the_flow_does() -> None:
    flat = np.full((64, 96), 90, dtype=np.uint8)
    flow = np.full((*GRID, 2), 2.0, dtype=np.float32)
    assert np.array_equal(matched(flat, flat, flow), 2 * flow)


def test_the_search_matches_for_formats_with_parts_of_a_pixel(
    luma: np.ndarray, smooth: Callable[..., np.ndarray]
) -> None:
    search = MotionSearch(8, *GRID, 0, fraction_bits=1)
    found = search.vectors(moved(luma, 1.5, -6.5), luma)
    assert np.median(np.abs(found[2:-2, 2:-2] - (3, -13))) == 0


def test_squares_take_the_vector_that_suits_all_of_them() -> None:
    rng = np.random.default_rng(0)
    before = cv2.GaussianBlur(rng.integers(0, 256, (64, 64)).astype(np.uint8), (5, 5), 0)
    now = np.roll(before, (-2, 3), (0, 1))  # what is at x comes from x + (2, -3)
    vectors = np.zeros((8, 8, 2), dtype=np.int64)
    vectors[::4, ::4] = 4, -6  # halves of a pixel, right in one block of sixteen
    pictures = MatchedLuma(now, 8), MatchedLuma(before, 8)
    fields = matched_squares(*pictures, vectors, (2, 4, 8))
    assert [(field == (4, -6)).all(-1).mean() for field in fields] == [0.25, 1, 1]
