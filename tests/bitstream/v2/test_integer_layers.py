"""Layers of the loop, however they are evaluated, against sums of integers written down plainly."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.v2.integer_layers import NARROW_SUM, IntegerLayer, LayerShape

LIMIT = 511
SIZES = st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 19))


def made(
    outputs: int, inputs: int, seed: int, *, wide: bool = False, shift: int = 6
) -> IntegerLayer:
    """Weights and biases whose sums come near the bound."""
    rng = np.random.default_rng(seed)
    most = NARROW_SUM // LIMIT // inputs - 40
    kind = np.float64 if wide else np.float32
    return IntegerLayer(
        LayerShape("layer", outputs, inputs, LIMIT, wide),
        rng.integers(-most, most + 1, (outputs, inputs)).astype(kind),
        rng.integers(-5000, 5000, (outputs, 1)).astype(kind),
        rng.integers(0, shift + 1, outputs),
    )


def planes(size: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-LIMIT, LIMIT + 1, size).astype(np.float32)


def whole(layer: IntegerLayer, sums: np.ndarray, low: int, high: int) -> np.ndarray:
    """Sums (outputs, …) of int64 → what the text says of them."""
    sums = sums + layer.bias.astype(np.int64).reshape(-1, *[1] * (sums.ndim - 1))
    shift = layer.shift.reshape(-1, *[1] * (sums.ndim - 1))
    return np.clip(sums >> shift, low, high)


def squares(plane: np.ndarray, side: int) -> np.ndarray:
    """(C, h, w) → (C, side², h, w): what the taps see."""
    channels, height, width = plane.shape
    padded = np.zeros((channels, height + side - 1, width + side - 1), dtype=np.int64)
    padded[:, side // 2 :, side // 2 :][:, :height, :width] = plane
    taps = [padded[:, y : y + height, x : x + width] for y, x in np.ndindex(side, side)]
    return np.stack(taps, axis=1)


class TestSquaresOfTaps:
    @settings(max_examples=40, deadline=None)
    @given(SIZES, st.sampled_from([3, 5]), st.integers(0, 99))
    def test_depthwise_layers_are_sums_over_their_taps(
        self, size: tuple[int, int, int], side: int, seed: int
    ) -> None:
        layer, plane = made(size[0], side**2, seed), planes(size, seed)
        sums = (layer.weights.astype(np.int64)[..., None, None] * squares(plane, side)).sum(1)
        found = layer.depthwise(plane, -LIMIT, LIMIT)
        assert np.array_equal(found, whole(layer, sums, -LIMIT, LIMIT))

    @settings(max_examples=40, deadline=None)
    @given(SIZES, st.booleans(), st.integers(0, 99))
    def test_3x3_layers_are_sums_over_channels_and_taps(
        self, size: tuple[int, int, int], wide: bool, seed: int
    ) -> None:
        layer, plane = made(4, 9 * size[0], seed, wide=wide), planes(size, seed)
        seen = squares(plane, 3).reshape(9 * size[0], -1)
        sums = (layer.weights.astype(np.int64) @ seen).reshape(4, *size[1:])
        found = layer.around(plane, -LIMIT, LIMIT)
        assert found.dtype == np.float32
        assert np.array_equal(found, whole(layer, sums, -LIMIT, LIMIT))

    def test_planes_of_many_rows_are_laid_out_in_parts(self) -> None:
        layer, plane = made(2, 9, 0), planes((1, 50, 40), 0)
        sums = layer.weights.astype(np.int64) @ squares(plane, 3).reshape(9, -1)
        found = layer.around(plane, -LIMIT, LIMIT)
        assert np.array_equal(found, whole(layer, sums.reshape(2, 50, 40), -LIMIT, LIMIT))


class TestIndices:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, 30), st.sampled_from([0, 6, 11, 12, 20]), st.integers(0, 99))
    def test_indices_are_limited_outputs_counted_from_the_lowest(
        self, count: int, shift: int, seed: int
    ) -> None:
        """Shifts beyond eleven leave more fraction bits than float32 holds beside the limit."""
        layer, inputs = made(3, 8, seed, shift=shift), planes((8, count), seed)
        limit = 4095
        sums = layer.weights.astype(np.int64) @ inputs.astype(np.int64)
        memory = np.empty((3, count), dtype=np.float32)
        found = layer.indices(inputs, limit, memory)
        assert np.array_equal(found, whole(layer, sums, -limit, limit) + limit)

    def test_sums_at_the_bound_of_exactness(self) -> None:
        """A sum and the limit together do not fit into float32, and lie beyond what is kept."""
        shape = LayerShape("layer", 2, 1, LIMIT)
        weights = np.array([[32000], [-32000]], dtype=np.float32)
        for shift in (10, 11, 12, 13, 14):
            layer = IntegerLayer(
                shape, weights, np.array([[777], [-777]], np.float32), np.full(2, shift)
            )
            inputs = np.arange(-LIMIT, LIMIT + 1, dtype=np.float32)[None]
            sums = layer.weights.astype(np.int64) @ inputs.astype(np.int64)
            found = layer.indices(inputs, 4095, np.empty((2, inputs.size), np.float32))
            assert np.array_equal(found, whole(layer, sums, -4095, 4095) + 4095)
