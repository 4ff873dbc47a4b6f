"""Text, lines and areas, as screens and captions have them, drawn at random."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;-+()/%     "


def draw_graphics(side: int, rng: np.random.Generator) -> np.ndarray:
    """A picture, RGB uint8 (side, side, 3)."""
    picture = _background(side, rng)
    for _ in range(int(rng.integers(0, 5))):
        _draw_area(picture, rng)
    for _ in range(int(rng.integers(0, 4))):
        _draw_line(picture, rng)
    for _ in range(int(rng.integers(0, 3))):
        _draw_paragraph(picture, rng)
    return picture


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """Often grey, as text and its ground are."""
    if rng.random() < 0.5:
        level = int(rng.integers(256))
        return level, level, level
    red, green, blue = (int(v) for v in rng.integers(0, 256, 3))
    return red, green, blue


def _point(side: int, rng: np.random.Generator) -> tuple[int, int]:
    x, y = (int(v) for v in rng.integers(-side // 8, side + side // 8, 2))
    return x, y


def _background(side: int, rng: np.random.Generator) -> np.ndarray:
    """One colour, or a gradient between two."""
    first, second = (np.array(_colour(rng), np.float32) for _ in range(2))
    if rng.random() < 0.6:
        second = first
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[:side, :side].astype(np.float32) / side - 0.5
    share = np.clip(rows * np.sin(angle) + columns * np.cos(angle) + 0.5, 0, 1)[..., None]
    picture: npt.NDArray[np.uint8] = np.rint(first + share * (second - first)).astype(np.uint8)
    return picture


def _draw_area(picture: np.ndarray, rng: np.random.Generator) -> None:
    side, colour = len(picture), _colour(rng)
    thickness = -1 if rng.random() < 0.7 else int(rng.integers(1, 4))
    if rng.random() < 0.7:
        first, second = _point(side, rng), _point(side, rng)
        cv2.rectangle(picture, first, second, colour, thickness)
    else:
        radius = int(rng.integers(2, max(3, side // 3)))
        cv2.circle(picture, _point(side, rng), radius, colour, thickness, cv2.LINE_AA)


def _draw_line(picture: np.ndarray, rng: np.random.Generator) -> None:
    side, smooth = len(picture), cv2.LINE_AA if rng.random() < 0.7 else cv2.LINE_8
    ends = _point(side, rng), _point(side, rng)
    cv2.line(picture, *ends, _colour(rng), int(rng.integers(1, 4)), smooth)


def _draw_paragraph(picture: np.ndarray, rng: np.random.Generator) -> None:
    """Lines of letters, of one font, size and colour."""
    font, size = _FONTS[int(rng.integers(len(_FONTS)))], float(rng.uniform(0.3, 1.6))
    colour, thickness = _colour(rng), int(rng.integers(1, 3))
    x, y = _point(len(picture), rng)
    for _ in range(int(rng.integers(1, 7))):
        letters = rng.integers(0, len(_LETTERS), int(rng.integers(3, 24)))
        text = "".join(_LETTERS[i] for i in letters)
        cv2.putText(picture, text, (x, y), font, size, colour, thickness, cv2.LINE_AA)
        y += round(34 * size)
