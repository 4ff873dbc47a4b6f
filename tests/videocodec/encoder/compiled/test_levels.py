"""Levels that kernels choose are those that NumPy chooses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from videocodec.encoder.conditional_quantiser import ConditionalQuantiser

from ....bitstream.v2.synthetic import pass_of
from .numpy_only import both


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    size=st.tuples(st.integers(1, 40), st.integers(1, 16)),
    spread=st.sampled_from([0.3, 3.0, 300.0]),
    lagrangian=st.sampled_from([0.0, 0.1, 2.0]),
    weighted=st.booleans(),
)
def test_levels_and_gains_are_the_same(
    seed: int, size: tuple[int, int], spread: float, lagrangian: float, weighted: bool
) -> None:
    rng = np.random.default_rng(seed)
    mean = rng.integers(-40, 41, size)
    one = pass_of(mean)
    one = replace(
        one,
        log2_scale=rng.integers(-100, 130, size),
        level_sizes=rng.integers(16, 65, size).astype(np.float64),
    )
    target = rng.laplace(0, spread, (size[1], 1, size[0]))
    weights = None
    if weighted:
        weights = rng.uniform(0.2, 4, size[1]), rng.uniform(0.2, 4, (1, size[0])), None

    def chosen() -> tuple[np.ndarray, np.ndarray]:
        choose = ConditionalQuantiser(target, lagrangian, *(weights or ()))
        return choose(one), choose.gains

    for numpy, compiled in zip(*both(chosen), strict=True):
        assert np.array_equal(numpy, compiled)
