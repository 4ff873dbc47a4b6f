"""Drawn pictures that have a face or letters in them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

SKIN, HAIR, MOUTH = (224, 172, 138), (60, 35, 25), (150, 60, 60)


@pytest.fixture(scope="session")
def portrait() -> Callable[..., np.ndarray]:
    """portrait(across, down, radius, skin) → a face on plain ground, (144, 192, 3) uint8."""

    def draw(
        across: int = 96, down: int = 72, radius: int = 40, skin: tuple[int, int, int] = SKIN
    ) -> np.ndarray:
        picture = np.full((144, 192, 3), (70, 90, 120), np.uint8)

        def oval(
            x: float, y: float, width: float, height: float, colour: tuple, top: int = 0
        ) -> None:
            centre = across + round(x * radius), down + round(y * radius)
            axes = round(width * radius), round(height * radius)
            cv2.ellipse(picture, centre, axes, 0, top, 360, colour, -1, cv2.LINE_AA)

        oval(0, 0, 0.78, 1, skin)
        oval(0, -0.55, 0.8, 0.5, HAIR, 180)
        for side in (-1, 1):
            oval(0.33 * side, -0.12, 0.17, 0.09, HAIR)
            oval(0.33 * side, -0.32, 0.22, 0.05, HAIR)
        oval(0, 0.28, 0.12, 0.04, MOUTH)
        oval(0, 0.55, 0.3, 0.09, MOUTH)
        return cv2.GaussianBlur(picture, (0, 0), radius / 25)

    return draw


@pytest.fixture(scope="session")
def written() -> Callable[[str], np.ndarray]:
    """written(words) → light letters on dark ground, (144, 192, 3) uint8."""

    def draw(words: str) -> np.ndarray:
        picture = np.full((144, 192, 3), 40, np.uint8)
        cv2.putText(
            picture, words, (40, 80), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (240,) * 3, 2, cv2.LINE_AA
        )
        return picture

    return draw
