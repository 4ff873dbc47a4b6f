"""tools/compare_transforms.py: that it compares at equal errors, and finds what a transform is
known to gain.
"""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="module")
def tool(tool_module):
    return tool_module("compare_transforms")


class TestPercentAtEqualError:
    def test_half_the_bits_are_minus_50_percent(self, tool) -> None:
        bits, errors = np.array([100.0, 60, 30]), np.array([1.0, 2, 4])
        assert tool.percent_at_equal_error(bits / 2, errors, bits, errors) == pytest.approx(-50)

    def test_it_compares_at_equal_errors_and_not_at_equal_steps(self, tool) -> None:
        errors = np.array([1.0, 2, 4, 8])
        assert tool.percent_at_equal_error(
            1 / (errors * 1.3), errors * 1.3, 1 / errors, errors
        ) == pytest.approx(0, abs=1e-6)

    def test_without_common_errors_there_is_no_figure(self, tool) -> None:
        assert np.isnan(tool.percent_at_equal_error([2, 1], [1, 2], [2, 1], [3, 4]))


def clips_of(tool, make, count: int = 4) -> list:
    """Clips all of whose positions are residual."""
    everywhere = np.ones((3, 32, 32), dtype=bool)
    return [
        tool.Residuals(
            make(np.random.default_rng(i)).astype(np.float32), everywhere, ~everywhere, 0.0, 0.0
        )
        for i in range(count)
    ]


def gain(tool, clips: list, size: int, rotated: bool, which: str = "whole") -> float:
    """Percent of bits against direct coding."""
    ours, direct = (
        tool.summed(
            tool.measure(clips, tool.Trial(s, r, size, which), [0.71, 1.0, 1.41], 0.35),
            range(len(clips)),
        )
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
            padded, touched = (
                tool.measure(clips, tool.Trial(size, False, 4, which), [1.0], 0.35)[0]
                for which in ("padded", "touched")
            )
            assert padded[0][0] <= touched[0][0]
            assert padded[1][0] < touched[1][0]
