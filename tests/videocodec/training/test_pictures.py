"""Pictures for training: which are read, and what crops are made of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from videocodec.errors import InputError
from videocodec.training.pictures import (
    centre_crop,
    crop_batch,
    load_pictures,
    mirrored,
    random_crop,
    to_tensor,
)


def test_they_are_found_in_all_folders_and_below_them_and_small_ones_are_left_out(
    picture_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "below").mkdir()
    cv2.imwrite(str(tmp_path / "below" / "large.jpg"), np.zeros((100, 100, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "below" / "small.png"), np.zeros((90, 200, 3), np.uint8))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    assert len(load_pictures([picture_folder, tmp_path], 96, 1)) == 45


def test_too_few_are_refused_in_one_line(picture_folder: Path) -> None:
    with pytest.raises(InputError, match="3 pictures of 192 px or more, need at least 41: give"):
        load_pictures([picture_folder], 192, 41)


def test_crops_are_pieces_of_pictures_in_the_networks_range() -> None:
    pictures = [np.full((70, 90, 3), value, np.uint8) for value in (0, 255)]
    crops = crop_batch(pictures, 64, 12, np.random.default_rng(0))
    assert crops.shape == (12, 3, 64, 64)
    assert set(crops.unique().tolist()) == {-1.0, 1.0}


def test_some_crops_are_of_pictures_that_were_shrunk_first() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8)[:, None, None], (1, 200, 3))
    rng = np.random.default_rng(0)
    slopes = [
        int(crop[-1, 0, 0]) - int(crop[0, 0, 0])
        for crop in (random_crop(ramp, 64, rng) for _ in range(60))
    ]
    assert slopes.count(63) > 20
    assert max(slopes) > 100


def test_mirrored_pictures_are_as_often_as_others() -> None:
    picture, rng = np.array([[[0], [1]]]), np.random.default_rng(0)
    assert 30 < sum(int(mirrored(picture, rng)[0, 0, 0]) for _ in range(100)) < 70


def test_centre_crops_are_of_the_middle() -> None:
    picture = np.zeros((10, 12, 3), np.uint8)
    picture[3:7, 4:8] = 255
    assert (to_tensor([centre_crop(picture, 4)]) == 1).all()
    assert centre_crop(picture, 11).shape == (10, 11, 3)
