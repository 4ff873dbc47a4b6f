"""tools/compare_transforms.py: its transforms, its code lengths, and that it finds what a transform is known to gain."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="module")
def tool(tool_module):
    return tool_module("compare_transforms")


class TestTransform:
    @pytest.mark.parametrize("size", [1, 2, 4, 8])
    def test_its_rows_are_orthonormal(self, tool, size: int) -> None:
        matrix = tool.dct_matrix(size)
        assert matrix @ matrix.T == pytest.approx(np.eye(size))

    @pytest.mark.parametrize("size", [2, 4, 8])
    def test_a_constant_is_the_lowest_frequency_alone(self, tool, size: int) -> None:
        found = tool.transform(np.full((1, 1, size, size), 3.0), size)[0, 0, :, 0, 0]
        assert found == pytest.approx([3 * size] + [0] * (size * size - 1))

    @pytest.mark.parametrize("size", [1, 2, 4, 8])
    def test_its_inverse_restores_the_tiles_it_covers(self, tool, size: int) -> None:
        values = np.random.default_rng(0).normal(size=(2, 3, 17, 26))
        restored = tool.restore(tool.transform(values, size), size)
        assert restored == pytest.approx(values[:, :, : 17 // size * size, : 26 // size * size])

    def test_rows_and_columns_of_frequencies_are_not_mixed_up(self, tool) -> None:
        wave = np.broadcast_to(tool.dct_matrix(4)[1][:, None], (4, 4))  # varies down, constant across
        found = tool.transform(wave[None, None], 4)[0, 0, :, 0, 0]
        assert np.flatnonzero(np.abs(found) > 1e-9).tolist() == [tool.frequencies(4).index((1, 0))]

    def test_the_first_axis_is_that_of_the_largest_variance(self, tool) -> None:
        samples = np.random.default_rng(0).normal(size=(500, 2)) @ np.diag([0.1, 4])
        assert np.abs(tool.principal_axes([samples[:200], samples[200:]])) == pytest.approx(np.eye(2)[::-1], abs=0.01)


class TestCodeLength:
    def test_a_known_source_costs_its_entropy_and_a_little_for_learning(self, tool) -> None:
        p = np.array([0.7, 0.2, 0.1])
        counts = np.bincount(np.random.default_rng(0).choice(3, 20000, p=p), minlength=3)
        entropy = -(counts * np.log2(counts / counts.sum())).sum()
        assert entropy < tool.adaptive_bits(counts, np.full(3, 0.5)) < entropy + 3 * np.log2(20000)

    def test_it_is_that_of_coding_one_symbol_after_the_other(self, tool) -> None:
        counts, bits = np.array([0.5, 0.5]), 0.0
        for symbol in (0, 1, 1, 0, 1):
            bits -= np.log2(counts[symbol] / counts.sum())
            counts[symbol] += 1
        assert tool.adaptive_bits(np.array([2, 3]), np.array([0.5, 0.5])) == pytest.approx(bits)

    def test_contexts_are_counted_apart(self, tool) -> None:
        apart = tool.adaptive_bits(np.array([[50, 0], [0, 50]]), np.full((2, 2), 0.5))
        assert apart.shape == (2,)
        assert apart.sum() < 0.15 * tool.adaptive_bits(np.array([50, 50]), np.full(2, 0.5))

    def test_the_dead_zone_is_wider_than_a_step(self, tool) -> None:
        values = np.array([-1.7, -1.6, -0.6, 0.64, 0.66, 1.0, 2.7])
        assert tool.quantise(values, 1.0, 0.35).tolist() == [-2, -1, 0, 0, 1, 1, 3]
        assert tool.quantise(2 * values, 2.0, 0.35).tolist() == [-2, -1, 0, 0, 1, 1, 3]


class TestPercentAtEqualError:
    def test_half_the_bits_are_minus_50_percent(self, tool) -> None:
        bits, errors = np.array([100.0, 60, 30]), np.array([1.0, 2, 4])
        assert tool.percent_at_equal_error(bits / 2, errors, bits, errors) == pytest.approx(-50)

    def test_it_compares_at_equal_errors_and_not_at_equal_steps(self, tool) -> None:
        errors = np.array([1.0, 2, 4, 8])
        assert tool.percent_at_equal_error(1 / (errors * 1.3), errors * 1.3, 1 / errors, errors) == pytest.approx(0, abs=1e-6)

    def test_without_common_errors_there_is_no_figure(self, tool) -> None:
        assert np.isnan(tool.percent_at_equal_error([2, 1], [1, 2], [2, 1], [3, 4]))


def clips_of(tool, make, count: int = 4) -> list:
    """Clips all of whose positions are residual."""
    everywhere = np.ones((3, 32, 32), dtype=bool)
    return [tool.Residuals(make(np.random.default_rng(i)).astype(np.float32), everywhere, ~everywhere, 0.0, 0.0) for i in range(count)]


def gain(tool, clips: list, size: int, rotated: bool, which: str = "whole") -> float:
    """Percent of bits against direct coding."""
    ours, direct = (
        tool.summed(tool.measure(clips, tool.Trial(s, r, size, which), [0.71, 1.0, 1.41], 0.35), range(len(clips)))
        for s, r in ((size, rotated), (1, False))
    )
    return tool.percent_at_equal_error(*ours, *direct)


def smooth(rng: np.random.Generator) -> np.ndarray:
    """Neighbours in a row or column correlate by 0.95."""
    noise = rng.normal(size=(3, 4, 32, 32))
    for axis in (2, 3):
        noise = np.moveaxis(noise, axis, 0)
        for i in range(1, len(noise)):
            noise[i] = 0.95 * noise[i - 1] + np.sqrt(1 - 0.95**2) * noise[i]
        noise = np.moveaxis(noise, 0, axis)
    return 2 * noise


class TestMeasure:
    def test_no_representation_gains_on_white_gaussian_noise(self, tool) -> None:
        clips = clips_of(tool, lambda rng: rng.normal(size=(3, 4, 32, 32)))
        for size, rotated in ((1, True), (4, False), (8, False), (4, True)):
            assert gain(tool, clips, size, rotated) == pytest.approx(0, abs=2)

    def test_a_transform_gains_on_what_is_smooth(self, tool) -> None:
        clips = clips_of(tool, smooth)
        assert gain(tool, clips, 2, False) < -5
        assert gain(tool, clips, 4, False) < -20

    def test_a_transform_loses_on_single_peaks(self, tool) -> None:
        clips = clips_of(tool, lambda rng: 0.3 * rng.laplace(size=(3, 4, 32, 32)) ** 3)
        assert gain(tool, clips, 4, False) > 20

    def test_what_is_not_residual_costs_a_padded_transform_no_error(self, tool) -> None:
        clips = clips_of(tool, lambda rng: rng.normal(size=(3, 4, 32, 32)))
        for clip in clips:
            clip.residual[:, ::2] = False
        for size in (1, 4):
            padded, touched = (tool.measure(clips, tool.Trial(size, False, 4, which), [1.0], 0.35)[0] for which in ("padded", "touched"))
            assert padded[0][0] <= touched[0][0]
            assert padded[1][0] < touched[1][0]
