"""tools/transform_coding.py: its transforms and its code lengths."""

from __future__ import annotations

import numpy as np
import pytest

from tools.transform_coding import (
    adaptive_bits,
    dct_matrix,
    frequencies,
    principal_axes,
    quantise,
    restore,
    transform,
)


class TestTransform:
    @pytest.mark.parametrize("size", [1, 2, 4, 8])
    def test_its_rows_are_orthonormal(self, size: int) -> None:
        matrix = dct_matrix(size)
        assert matrix @ matrix.T == pytest.approx(np.eye(size))

    @pytest.mark.parametrize("size", [2, 4, 8])
    def test_a_constant_is_the_lowest_frequency_alone(self, size: int) -> None:
        found = transform(np.full((1, 1, size, size), 3.0), size)[0, 0, :, 0, 0]
        assert found == pytest.approx([3 * size] + [0] * (size * size - 1))

    @pytest.mark.parametrize("size", [1, 2, 4, 8])
    def test_its_inverse_restores_the_tiles_it_covers(self, size: int) -> None:
        values = np.random.default_rng(0).normal(size=(2, 3, 17, 26))
        restored = restore(transform(values, size), size)
        assert restored == pytest.approx(values[:, :, : 17 // size * size, : 26 // size * size])

    def test_rows_and_columns_of_frequencies_are_not_mixed_up(self) -> None:
        wave = np.broadcast_to(dct_matrix(4)[1][:, None], (4, 4))  # varies down, constant across
        found = transform(wave[None, None], 4)[0, 0, :, 0, 0]
        assert np.flatnonzero(np.abs(found) > 1e-9).tolist() == [frequencies(4).index((1, 0))]

    def test_the_first_axis_is_that_of_the_largest_variance(self) -> None:
        samples = np.random.default_rng(0).normal(size=(500, 2)) @ np.diag([0.1, 4])
        assert np.abs(principal_axes([samples[:200], samples[200:]])) == pytest.approx(
            np.eye(2)[::-1], abs=0.01
        )


class TestCodeLength:
    def test_a_known_source_costs_its_entropy_and_a_little_for_learning(self) -> None:
        p = np.array([0.7, 0.2, 0.1])
        counts = np.bincount(np.random.default_rng(0).choice(3, 20000, p=p), minlength=3)
        entropy = -(counts * np.log2(counts / counts.sum())).sum()
        assert entropy < adaptive_bits(counts, np.full(3, 0.5)) < entropy + 3 * np.log2(20000)

    def test_it_is_that_of_coding_one_symbol_after_the_other(self) -> None:
        counts, bits = np.array([0.5, 0.5]), 0.0
        for symbol in (0, 1, 1, 0, 1):
            bits -= np.log2(counts[symbol] / counts.sum())
            counts[symbol] += 1
        assert adaptive_bits(np.array([2, 3]), np.array([0.5, 0.5])) == pytest.approx(bits)

    def test_contexts_are_counted_apart(self) -> None:
        apart = adaptive_bits(np.array([[50, 0], [0, 50]]), np.full((2, 2), 0.5))
        assert apart.shape == (2,)
        assert apart.sum() < 0.15 * adaptive_bits(np.array([50, 50]), np.full(2, 0.5))

    def test_the_dead_zone_is_wider_than_a_step(self) -> None:
        values = np.array([-1.7, -1.6, -0.6, 0.64, 0.66, 1.0, 2.7])
        assert quantise(values, 1.0, 0.35).tolist() == [-2, -1, 0, 0, 1, 1, 3]
        assert quantise(2 * values, 2.0, 0.35).tolist() == [-2, -1, 0, 0, 1, 1, 3]
