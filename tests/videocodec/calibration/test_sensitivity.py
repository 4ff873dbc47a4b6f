"""Sensitivity: channels that move the picture more weigh more, and what the eye sees counts where
it is asked.
"""

from __future__ import annotations

import numpy as np
import torch

from videocodec.calibration.sensitivity import measure_sensitivity

PICTURES = np.full((2, 32, 32, 3), 128, dtype=np.uint8)


class Runtime:
    """Three channels, shown as the red, green and blue of a position, with a gain of their own."""

    def __init__(self, gains: tuple[float, float, float]) -> None:
        self._gains = np.array(gains)

    def encode(self, pictures: np.ndarray, height: int, width: int) -> np.ndarray:
        return np.zeros((len(pictures), 3, height // 8, width // 8), dtype=np.float32)

    def decode(self, latents: np.ndarray, steps: np.ndarray, height: int, width: int) -> np.ndarray:
        shown = np.asarray(latents) / 64 * self._gains[:, None, None] + 128
        return (
            np.clip(np.rint(shown), 0, 255)
            .astype(np.uint8)
            .transpose(0, 2, 3, 1)
            .repeat(8, 1)
            .repeat(8, 2)
        )


def test_squared_error_alone_weighs_gains_squared() -> None:
    weights = measure_sensitivity(Runtime((20, 10, 10)), PICTURES, None)
    assert weights.mean() == np.float32(1) or abs(weights.mean() - 1) < 1e-6
    assert np.allclose(weights[0] / weights[1:], 4, rtol=0.1)


def test_what_the_eye_sees_counts_half() -> None:
    def sees_only_blue(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        difference = (a - b).abs().mean((2, 3))
        return difference[:, 2] + 1e-3 * difference.sum(1)

    plain = measure_sensitivity(Runtime((10, 10, 10)), PICTURES, None)
    weights = measure_sensitivity(Runtime((10, 10, 10)), PICTURES, sees_only_blue)
    assert np.allclose(plain, 1, atol=0.1)
    assert weights[2] > 10 * weights[0] and np.isclose(weights[0], weights[1], rtol=0.1)
