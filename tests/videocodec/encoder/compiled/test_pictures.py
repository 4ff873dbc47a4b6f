"""Pictures that kernels make for a search are those that NumPy and OpenCV make."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from videocodec.encoder.block_matching import luma_of
from videocodec.encoder.picture_squares import PictureSquares

from .numpy_only import both


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    side=st.sampled_from([8, 16, 24]),
    most=st.sampled_from([3, 255, 1020, 4095]),
)
def test_what_lies_between_pixels_is_the_same(
    seed: int, size: tuple[int, int], side: int, most: int
) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, most + 1, (3, *size)).astype(np.int16)
    numpy, compiled = both(lambda: PictureSquares(picture, side).samples)
    assert np.array_equal(numpy, compiled)


def test_grey_levels_are_the_same() -> None:
    picture = np.random.default_rng(5).integers(0, 1021, (3, 24, 40)).astype(np.int16)
    numpy, compiled = both(lambda: luma_of(picture))
    assert np.array_equal(numpy, compiled)
    assert (luma_of(np.full((3, 8, 8), 1020, np.int16)) == 255).all()
