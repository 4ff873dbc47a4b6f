"""Latents that kernels copy, average and add are those of NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.v1.quantiser import LATENT_LIMIT
from bitstream.v2.standing import AVERAGE, FUTURE, MOVED, NOTHING, PAST, put_still
from bitstream.v2.values import renewed

from .numpy_alone import both

SIZES = st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 40))


def latents_of(rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    """The outermost ones often."""
    numbers = rng.integers(-LATENT_LIMIT - 9000, LATENT_LIMIT + 9000, size)
    return np.clip(numbers, -LATENT_LIMIT, LATENT_LIMIT).astype(np.int32)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1 << 32), size=SIZES, count=st.integers(1, 2))
def test_what_stands_still_is_the_same(seed: int, size: tuple[int, ...], count: int) -> None:
    rng = np.random.default_rng(seed)
    moved, *known = (latents_of(rng, size) for _ in range(1 + count))
    standing = rng.integers(0, 5, size[1:]).astype(np.uint8)
    numpy, compiled = both(lambda: put_still(moved.copy(), tuple(known), standing))
    assert np.array_equal(numpy, compiled)


@pytest.mark.parametrize("writeable", [True, False])
def test_what_each_position_becomes(writeable: bool) -> None:
    standing = np.array([[MOVED, PAST, FUTURE, AVERAGE, NOTHING]], np.uint8)
    past, future = (np.full((2, 1, 5), number, np.int32) for number in (4, -9))
    past.flags.writeable = future.flags.writeable = writeable
    for found in both(lambda: put_still(np.full((2, 1, 5), 7, np.int32), (past, future), standing)):
        assert found.tolist() == [[[7, 4, -9, -2, 0]]] * 2


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1 << 32), size=SIZES, quantiser=st.integers(0, 127))
def test_what_is_added_is_the_same(seed: int, size: tuple[int, ...], quantiser: int) -> None:
    rng = np.random.default_rng(seed)
    predicted, reach = latents_of(rng, size), 1 << int(rng.integers(1, 22))
    values = rng.integers(-reach, reach, size)
    numpy, compiled = both(lambda: renewed(predicted, values, quantiser))
    assert numpy.dtype == compiled.dtype and np.array_equal(numpy, compiled)
