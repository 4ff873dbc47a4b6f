"""Planes of derived motion by kernels are those of NumPy."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.v2.derived_motion import doubled, grey

from .numpy_alone import both


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1 << 32), size=st.tuples(st.integers(1, 20), st.integers(1, 20)))
def test_planes_are_the_same(seed: int, size: tuple[int, int]) -> None:
    picture = np.random.default_rng(seed).integers(0, 1021, (3, *size)).astype(np.int16)
    for made in (lambda: grey(picture), lambda: doubled(picture[0])):
        numpy, compiled = both(made)
        assert numpy.dtype == compiled.dtype and np.array_equal(numpy, compiled)
