"""Derived motion found by kernels is what NumPy finds."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.crew import Crew, helped
from bitstream.v2.derived_motion import derived_motion

from .numpy_alone import both

DISTANCES = [(-1, 1), (-1, 2), (-3, 1), (-2, 2), (-2, 5), (-8, 8), (-40, 1), (-1, 40)]


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    distances=st.sampled_from(DISTANCES),
    block=st.sampled_from([1, 2, 4]),
    reach=st.sampled_from([0, 3, 60, 512]),
    levels=st.sampled_from([2, 40, 1021]),
    share=st.sampled_from([0.05, 0.5, 1.0]),
)
def test_motion_is_the_same(
    seed: int,
    size: tuple[int, int],
    distances: tuple[int, int],
    block: int,
    reach: int,
    levels: int,
    share: float,
) -> None:
    """Of smooth and of wild pictures, of few values, where many vectors cost the same, vectors
    within the picture and far beyond it.
    """
    rng = np.random.default_rng(seed)
    height, width = (8 * block * blocks for blocks in size)
    coarse = rng.integers(0, levels, (2, 3, height // 8, width // 8)).repeat(8, 2).repeat(8, 3)
    fine = rng.integers(0, levels, (2, 3, height, width))
    past, future = np.where(rng.random((height, width)) < 0.5, coarse, fine).astype(np.int16)
    likely = rng.integers(-reach, reach + 1, (*size, 2))
    wanted = rng.random(size) < share
    numpy, compiled = both(lambda: derived_motion((past, future), distances, block, likely, wanted))
    assert np.array_equal(numpy[:, wanted], compiled[:, wanted])


def test_threads_that_help_find_the_same() -> None:
    """However rows fall to them, over and over, in pictures of some size."""
    rng, crew = np.random.default_rng(0), Crew(2)
    past, future = rng.integers(0, 1021, (2, 3, 96, 160)).astype(np.int16)
    likely = rng.integers(-9, 10, (12, 20, 2))
    crew.begin()
    try:
        with helped(crew):
            for _ in range(8):
                numpy, compiled = both(lambda: derived_motion((past, future), (-1, 2), 1, likely))
                assert np.array_equal(numpy, compiled)
    finally:
        crew.dismiss()
