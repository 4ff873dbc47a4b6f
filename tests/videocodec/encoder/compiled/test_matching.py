"""Blocks that kernels match are matched as NumPy does it."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from videocodec.encoder.block_matching import BlockMatcher, MatchedLuma, matched_squares
from videocodec.encoder.coarse_matching import FAR, NEAR, Reach, best_shifts

from .numpy_only import both

SIZES = st.tuples(st.integers(1, 6), st.integers(1, 7))
SEEDS = st.integers(0, 1 << 32)


def pictures(rng: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """One, and another with its parts elsewhere; often at limits."""
    noise = rng.integers(-200, 456, (height, width)).clip(0, 255).astype(np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5) if rng.random() < 0.5 else noise
    shift = rng.integers(-8, 9, 2)
    return smooth, np.roll(smooth, (int(shift[0]), int(shift[1])), (0, 1))


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, grid=SIZES, block=st.sampled_from([8, 16]), far=st.sampled_from([0, 3, 60]))
def test_vectors_are_the_same(seed: int, grid: tuple[int, int], block: int, far: int) -> None:
    rng = np.random.default_rng(seed)
    now, before = pictures(rng, grid[0] * block, grid[1] * block)
    flow = rng.uniform(-far, far + 0.1, (*grid, 2)).astype(np.float32)
    flow += rng.integers(-far, far + 1, 2).astype(np.float32)

    def matched() -> list[np.ndarray]:
        luma = MatchedLuma(now, block), MatchedLuma(before, block)
        found = BlockMatcher(block)(*luma, flow)
        sums = luma[0].sums(luma[1], np.stack([found, 2 * found]))
        return [found, sums, *matched_squares(*luma, found, (2, 4, 8))]

    for numpy, compiled in zip(*both(matched), strict=True):
        assert np.array_equal(numpy, compiled)


@settings(max_examples=30, deadline=None)
@given(
    seed=SEEDS,
    grid=SIZES,
    side=st.sampled_from([4, 8]),
    pan=st.tuples(*[st.integers(-30, 30)] * 2),
    reach=st.sampled_from([FAR, NEAR, Reach(1, 0)]),
)
def test_shifts_are_the_same(
    seed: int, grid: tuple[int, int], side: int, pan: tuple[int, int], reach: Reach
) -> None:
    rng = np.random.default_rng(seed)
    now, before = pictures(rng, grid[0] * side, grid[1] * side)
    wanted = rng.random(grid) < 0.8
    numpy, compiled = both(lambda: best_shifts(now, before, np.array(pan), side, wanted, reach))
    assert np.array_equal(numpy, compiled)
    assert (compiled[~wanted] == pan).all()
    assert (np.abs(compiled - pan) <= (reach.rows, reach.columns)).all()
