"""Networks of the loop by kernels are those of NumPy."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.crew import Crew, helped
from bitstream.v2.compiled import VARIABLE
from bitstream.v2.integer_layers import NARROW_SUM, IntegerLayer
from bitstream.v2.loop_arithmetic import LATENT_LIMIT
from bitstream.v2.loop_networks import LoopNetworks

from ..synthetic import random_loop
from .numpy_alone import both, needs_kernels

ROOT = Path(__file__).parents[4]
SIZES = [
    (3, 4, 5, 1, 3, 2),
    (16, 16, 32, 2, 16, 1),
    (17, 33, 49, 1, 70, 1),
    (48, 96, 24, 1, 200, 1),
]


def at_the_bound(loop: LoopNetworks, seed: int, evenness: float) -> LoopNetworks:
    """With weights as large as sums and 16 bits allow, and shifts from none to the largest.

    evenness: from few weights that are large to many that are not.
    """
    rng, layers = np.random.default_rng(seed), {}
    for name, layer in loop.layers.items():
        shape = layer.shape
        most = (shape.limit << 23) - 1 if shape.wide else NARROW_SUM - (1 << 14)
        share = rng.dirichlet(np.full(shape.inputs, evenness), shape.outputs)
        weights = np.minimum(share * (most // shape.limit), (1 << 15) - 1).astype(np.int64)
        weights *= rng.choice([-1, 1], weights.shape)
        tensors = {
            "weights": weights,
            "bias": rng.integers(-(1 << 13), 1 << 13, shape.outputs),
            "shift": rng.choice([0, 1, 5, 12, 25, 40], shape.outputs),
        }
        layers[name] = IntegerLayer.of(
            lambda part, _, own=tensors: own[part.rsplit(".")[-1]], name, shape
        )
    return LoopNetworks(loop.shape, layers, loop.curves)


def arithmetic() -> Any:
    """The module; skips the test where this processor has none of the instructions."""
    if needs_kernels().arithmetic is None:
        pytest.skip("this processor has no products of 16-bit integers")
    return needs_kernels().arithmetic


@settings(max_examples=24, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    size=st.tuples(st.integers(1, 7), st.integers(1, 11)),
    sizes=st.sampled_from(SIZES),
    channels=st.sampled_from([1, 4, 16, 47]),
    extreme=st.booleans(),
)
def test_pictures_and_latents_are_the_same(
    seed: int, size: tuple[int, int], sizes: tuple[int, ...], channels: int, extreme: bool
) -> None:
    rng = np.random.default_rng(seed)
    loop = random_loop(channels, seed=seed, sizes=sizes)
    if extreme:
        loop = at_the_bound(loop, seed, float(rng.choice([0.2, 9.0])))
    reach = LATENT_LIMIT if extreme else 600
    latents = rng.integers(-reach, reach + 1, (channels, *size)).astype(np.int32)
    quantisers = rng.integers(0, 256, size)
    picture = rng.choice([0, 1, 510, 1020], (3, 8 * size[0], 8 * size[1])).astype(np.int16)
    numpy, compiled = both(lambda: (loop.picture(latents, quantisers), loop.latents(picture)))
    for one, other in zip(numpy, compiled, strict=True):
        assert one.dtype == other.dtype and np.array_equal(one, other)


@pytest.mark.parametrize("size", [1 << 15, -(1 << 15)])
def test_weights_of_more_than_sixteen_bits_are_numpys(size: int) -> None:
    can_do = arithmetic().can_do
    loop = random_loop(4)
    assert can_do(loop.layers)
    loop.layers["decoder.stem"].weights[0, 0] = size
    assert not can_do(loop.layers)
    numpy, compiled = both(lambda: loop.picture(np.ones((4, 2, 3), np.int32), np.full((2, 3), 40)))
    assert np.array_equal(numpy, compiled)


def test_wide_layers_whose_sums_32_bits_would_not_hold_are_numpys() -> None:
    loop, can_do = random_loop(47), arithmetic().can_do  # 9 · 48 inputs
    loop.layers["decoder.stem"].weights[0] = (1 << 23) // 432
    assert can_do(loop.layers)
    loop.layers["decoder.stem"].weights[0] = (1 << 23) // 432 + 1
    assert not can_do(loop.layers)


def test_3x3_layers_whose_transformed_weights_16_bits_would_not_hold_are_as_exact() -> None:
    arithmetic()
    from bitstream.v2.compiled.square_weights import can_do

    loop = random_loop(4)
    head = loop.layers["decoder.head"]
    assert can_do(head)
    head.weights[0] = 0
    head.weights[0, :9] = 3645
    assert not can_do(head)
    latents = np.random.default_rng(3).integers(-99, 100, (4, 5, 3)).astype(np.int32)
    numpy, compiled = both(lambda: loop.picture(latents, np.full((5, 3), 40)))
    assert np.array_equal(numpy, compiled)


def test_networks_are_pickled_without_what_kernels_made_of_them() -> None:
    arithmetic()
    loop = random_loop(4)
    before = len(pickle.dumps(loop))
    both(lambda: loop.latents(np.zeros((3, 8, 8), np.int16)))
    assert len(pickle.dumps(loop)) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("processor", "needs"),
    [("haswell", "avx2"), ("skylake-avx512", "avx512vl"), ("x86-64", "sse2")],
)
def test_other_processors(processor: str, needs: str, tmp_path: Path) -> None:
    """Without the instructions that this one may have beyond."""
    arithmetic()
    binding = pytest.importorskip("llvmlite.binding")
    if not binding.get_host_cpu_features().get(needs):
        pytest.skip(f"this processor cannot run what one of {processor} does: it has no {needs}")
    environment = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": "", VARIABLE: "1"}
    filters = "tests/videocodec/models/test_post_filter.py", "-k", "numpy_gives"
    for command in (
        ("tests.conformance.decode_under", "--versions", "2"),
        ("pytest", "-q", "-p", "no:cacheprovider", *filters),
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=os.environ | environment | {"NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    sizes=st.sampled_from(SIZES[:2]),
    share=st.sampled_from([0.0, 0.001, 0.03, 1.0]),
)
def test_latents_are_those_of_the_whole_where_they_are_wanted(
    seed: int, size: tuple[int, int], sizes: tuple[int, ...], share: float
) -> None:
    rng, loop = np.random.default_rng(seed), random_loop(4, seed=seed, sizes=sizes)
    picture = rng.integers(0, 1021, (3, 8 * size[0], 8 * size[1])).astype(np.int16)
    wanted = rng.random(size) < share
    numpy, compiled = both(lambda: loop.latents(picture, wanted)[:, wanted])
    assert np.array_equal(numpy, loop.latents(picture)[:, wanted])
    assert np.array_equal(compiled, numpy)


def test_networks_carried_out_together_are_those_of_one_thread() -> None:
    """Also where there are more threads than rows."""
    arithmetic()
    rng, loop = np.random.default_rng(5), random_loop(48, seed=5, sizes=SIZES[3])
    for size in ((1, 7), (30, 41)):
        latents = rng.integers(-600, 601, (48, *size)).astype(np.int32)
        picture = rng.integers(0, 1021, (3, 8 * size[0], 8 * size[1])).astype(np.int16)
        wanted = rng.random(size) < 0.02
        quantisers = rng.integers(0, 128, size)

        def made(latents=latents, picture=picture, wanted=wanted, quantisers=quantisers) -> list:
            return [
                loop.picture(latents, quantisers),
                loop.latents(picture),
                loop.latents(picture, wanted)[:, wanted],
            ]

        alone = made()
        for helpers in (1, 4):
            crew = Crew(helpers)
            crew.begin()
            with helped(crew):
                for _ in range(5):
                    shared = made()
                    assert all(np.array_equal(a, b) for a, b in zip(alone, shared, strict=True))
            crew.dismiss()
