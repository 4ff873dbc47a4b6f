"""Phase filters: fitted on pictures moved by whole pixels, used by the bitstream to predict motion
between latents.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bitstream.v1.prediction import ReferenceFrame
from bitstream.v1.quantiser import UNITS_PER_LATENT
from bitstream.v1.tables import FILTER_BITS
from videocodec.calibration.phase_filters import fit_phase_filters


def column_means(picture: np.ndarray) -> np.ndarray:
    """An encoder that keeps the mean of each of the eight columns of a block: 8 channels, (8, H/8,
    W/8).
    """
    height, width = picture.shape[:2]
    grey = picture[..., 0].astype(np.float32) / 64 - 2
    return grey.reshape(height // 8, 8, width // 8, 8).mean(1).transpose(2, 0, 1)


def striped(seed: int, height: int = 80, width: int = 200) -> np.ndarray:
    """Random columns: a shift across them moves whole channels, so that its filter is known
    exactly.
    """
    columns = np.random.default_rng(seed).integers(0, 256, width, dtype=np.uint8)
    return np.repeat(np.broadcast_to(columns, (height, width))[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def fitted() -> tuple[np.ndarray, np.ndarray]:
    return fit_phase_filters(column_means, [striped(seed) for seed in range(6)], noise=1e-4)


def predict(filters: np.ndarray, latents: np.ndarray, vector: tuple[int, int]) -> np.ndarray:
    """All positions (C, h, w) moved by one vector, as the decoder does it."""
    _channels, height, width = latents.shape
    rows, columns = (axis.ravel() for axis in np.mgrid[:height, :width])
    vectors = np.broadcast_to(np.array(vector, dtype=np.int64), (len(rows), 2))
    reference = ReferenceFrame(np.rint(latents * UNITS_PER_LATENT).astype(np.int32))
    return (
        reference.predict(filters, rows, columns, vectors).T.reshape(latents.shape)
        / UNITS_PER_LATENT
    )


@pytest.mark.parametrize(
    "vector", [(0, 0), (0, 1), (0, 4), (3, 7), (0, -1), (-2, 13), (5, -8), (0, 9)]
)
def test_a_known_shift_is_recovered(
    fitted: tuple[np.ndarray, np.ndarray], vector: tuple[int, int]
) -> None:
    """On a picture that was not fitted: predicting from x + vector gives the latents of the picture
    seen there.
    """
    picture, margin = striped(99, 80, 240), 24
    here, there = (
        picture[:, margin:-margin],
        picture[:, margin + vector[1] : 240 - margin + vector[1]],
    )
    predicted, wanted = predict(fitted[0], column_means(here), vector), column_means(there)
    inside = (slice(None), slice(2, -2), slice(4, -4))
    assert np.abs(predicted[inside] - wanted[inside]).max() < 0.06


def test_a_shift_along_one_axis_picks_the_channel_it_moves_to(
    fitted: tuple[np.ndarray, np.ndarray],
) -> None:
    """Three columns to the right, channel 1 is channel 4 of the same block and channel 6 is channel
    1 of the next.
    """
    weights = fitted[0][0, 3].reshape(5, 5, 8, 8) / (1 << FILTER_BITS)
    gain = weights.sum(0)  # the picture does not change from row to row, so rows share the weight
    assert gain[2, 4, 1] == pytest.approx(1, abs=0.02)
    assert gain[3, 1, 6] == pytest.approx(1, abs=0.02)
    assert np.abs(gain).sum((0, 1)) == pytest.approx(np.ones(8), abs=0.2)


def test_errors_are_those_of_the_stored_integers(fitted: tuple[np.ndarray, np.ndarray]) -> None:
    filters, errors = fitted
    assert filters.shape == (8, 8, 200, 8)
    assert np.array_equal(filters, np.rint(filters))
    assert np.abs(filters).max() <= 32767
    assert errors.shape == (8, 8)
    assert np.all(errors < 0.001)


def test_what_no_filter_can_know_shows_in_the_errors() -> None:
    _, errors = fit_phase_filters(
        lambda picture: column_means(picture)[:1], [striped(seed) for seed in range(3)]
    )
    assert errors[0, 0] < 0.05 < errors[0, 4]


def test_noisy_references_make_the_filters_shrink(smooth: Callable[..., np.ndarray]) -> None:
    pictures = [smooth(96, 96, seed) for seed in range(2)]
    clean, noisy = (fit_phase_filters(column_means, pictures, noise)[0] for noise in (1e-3, 10.0))
    assert np.abs(noisy).sum() < 0.7 * np.abs(clean).sum()


def test_without_pictures_there_is_nothing_to_fit() -> None:
    with pytest.raises(ValueError, match="no pictures"):
        fit_phase_filters(column_means, [])
