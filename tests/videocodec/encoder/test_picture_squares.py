"""Squares from halves of a pixel are those that OpenCV's remap makes, inside and far outside."""

import cv2
import numpy as np

from videocodec.encoder.picture_squares import PictureSquares

SIDE = 16


def remapped(picture: np.ndarray, row: int, column: int, vector: np.ndarray) -> np.ndarray:
    """The square (3, SIDE, SIDE) at one place, by OpenCV."""
    down, across = (
        np.arange(SIDE, dtype=np.float32) + np.float32(start + part / 2)
        for start, part in zip((row, column), vector.tolist(), strict=True)
    )
    seen = cv2.remap(
        np.ascontiguousarray(picture.transpose(1, 2, 0)),
        np.tile(across, (SIDE, 1)),
        np.tile(down[:, None], (1, SIDE)),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(seen).transpose(2, 0, 1)


def test_squares_are_what_remap_makes() -> None:
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 1021, (3, 40, 48)).astype(np.int16)
    rows, columns = rng.integers(-4, 36, 60), rng.integers(-4, 44, 60)
    vectors = np.concatenate([rng.integers(-9, 10, (40, 2)), rng.integers(-512, 513, (20, 2))])
    squares = PictureSquares(picture, SIDE).at(rows, columns, vectors)
    expected = [remapped(picture, *one) for one in zip(rows, columns, vectors, strict=True)]
    assert np.array_equal(squares, np.stack(expected))
