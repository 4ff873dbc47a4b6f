"""Pictures on their way to a smaller size and back, and maps that go along."""

from __future__ import annotations

import numpy as np
import pytest

from videocodec.errors import SettingsError
from videocodec.scaling import AUTO, coded_size, magnified, magnified_map, scale_of, shrunk


@pytest.mark.parametrize(
    ("full", "scale", "coded"),
    [
        ((352, 288), 1, (352, 288)),
        ((352, 288), 0.75, (264, 216)),
        ((177, 145), 0.5, (89, 73)),
        ((1, 2), 0.5, (1, 1)),
    ],
)
def test_coded_size(full: tuple[int, int], scale: float, coded: tuple[int, int]) -> None:
    assert coded_size(full, scale) == coded


def test_scales_as_numbers_and_as_text() -> None:
    assert [scale_of(value) for value in ("auto", "1", "0.75", 0.5)] == [AUTO, 1, 0.75, 0.5]
    for wrong in ("half", "0.6", 2, "nan"):
        with pytest.raises(SettingsError, match="scale must be auto or one of 1, 0.75, 0.5, got"):
            scale_of(wrong)


def test_a_flat_picture_stays_as_it_is() -> None:
    flat = np.full((29, 45, 3), (250, 3, 128), np.uint8)
    small = shrunk(flat, (23, 15))
    assert small.shape == (15, 23, 3)
    assert (small == flat[0, 0]).all()
    assert (magnified(small, (45, 29)) == flat).all()


@pytest.mark.parametrize("scale", [0.75, 0.5])
def test_smooth_pictures_come_back_in_place(texture, scale: float) -> None:
    """A shift of half a pixel would cost far more."""
    picture = texture(96, 128)
    back = magnified(shrunk(picture, coded_size((128, 96), scale)), (128, 96))
    assert np.abs(back.astype(int) - picture)[4:-4, 4:-4].mean() < 1.5


def test_what_is_too_fine_for_the_smaller_size_becomes_grey() -> None:
    """Rather than stripes of another width."""
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    small = shrunk(stripes, (32, 32))
    assert (np.abs(small[:, 4:-4].astype(int) - 100) <= 3).all()


def test_a_map_is_spread_over_the_full_picture() -> None:
    values = np.arange(6, dtype=np.uint8).reshape(2, 3)  # 8 px each, of 24 x 16
    twice = magnified_map(values, 8, (24, 16), (48, 32))
    assert (twice == values.repeat(2, 0).repeat(2, 1)).all()
    assert magnified_map(values, 8, (24, 16), (24, 16)) is values
    # the last column of 8 px shows 1 px of the picture only
    assert magnified_map(values, 8, (20, 12), (40, 24)).shape == (3, 5)
    assert magnified_map(values, 8, (20, 12), (27, 16)).tolist() == [[0, 1, 1, 2], [3, 4, 4, 5]]
