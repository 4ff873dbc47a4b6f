"""Pictures between pictures: where things are at a time, what motions count, and what a cut is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from videocodec.interpolation.picture_motion import LARGEST_REST, BlockMotion, PicturesBetween

NEAR = 2.5  # grey levels of mean difference: what sampling between pixels costs


def block_motion(picture: np.ndarray, displacement: tuple[float, float] = (0, 0)) -> BlockMotion:
    """The same motion of all blocks of 8 px."""
    grid = -(-picture.shape[0] // 8), -(-picture.shape[1] // 8), 2
    return BlockMotion(np.broadcast_to(np.array(displacement, np.float32), grid).copy(), 8, 8)


def difference(one: np.ndarray, other: np.ndarray, border: int = 10) -> float:
    """Mean difference inside, grey levels."""
    inside = np.s_[border:-border, border:-border]
    return float(np.abs(one[inside].astype(float) - other[inside]).mean())


@pytest.mark.parametrize("part", [1, 2, 3])
def test_a_pan_is_where_the_time_says(panned, part: int) -> None:
    frames = panned(5, 80, 112, (1, -2))
    made = PicturesBetween(frames[0], frames[4], block_motion(frames[0])).at(part / 4)
    assert (made.shape, made.dtype) == (frames[0].shape, np.uint8)
    assert difference(made, frames[part]) < NEAR < 0.3 * difference(frames[0], frames[part])


def test_both_ends_are_themselves(panned) -> None:
    before, after = panned(2, 80, 112, (3, 4))
    between = PicturesBetween(before, after, block_motion(before))
    assert difference(between.at(0), before) < NEAR
    assert difference(between.at(1), after) < NEAR


def test_what_stands_still_before_a_ground_that_moves_stays_sharp(panned, texture) -> None:
    frames = panned(3, 96, 128, (0, 8))
    sign = texture(32, 32, 9)
    for frame in frames:
        frame[32:64, 48:80] = sign
    made = PicturesBetween(frames[0], frames[2], block_motion(frames[0])).at(0.5)
    assert difference(made[32:64, 48:80], sign, border=4) < NEAR
    assert difference(made, frames[1]) < 0.3 * difference(frames[0], frames[1])


def test_coded_motion_counts_where_flow_finds_nothing(panned) -> None:
    """A jump of half the picture, which says nothing to a search from coarse to fine."""
    before, truth, after = panned(3, 96, 256, (0, 60))
    made = {
        step: PicturesBetween(before, after, block_motion(before, (step, 0))).at(0.5)
        for step in (0, -120)
    }
    middle = np.s_[:, 70:-70]
    errors = {step: difference(picture[middle], truth[middle]) for step, picture in made.items()}
    assert errors[-120] < 0.6 * errors[0]


def test_strips_are_seamless(panned) -> None:
    """No row differs more from the next than in the picture itself."""
    before, _, after = panned(3, 150, 96, (2, 1))
    upright = PicturesBetween(before, after, block_motion(before)).at(0.5)
    rows = np.abs(np.diff(upright.astype(int), axis=0)).mean((1, 2))
    truth = np.abs(np.diff(before.astype(int), axis=0)).mean((1, 2))
    assert rows.max() < 1.3 * truth.max()


def test_a_cut_leaves_more_than_motion(panned, texture) -> None:
    before, after = panned(2, 96, 128, (4, 6))
    still = block_motion(before)
    assert PicturesBetween(before, before, still).rest == 0
    assert PicturesBetween(before, after, still).rest < 0.5 * LARGEST_REST
    assert PicturesBetween(before, texture(96, 128, 5), still).rest > LARGEST_REST


def test_noise_on_a_flat_picture_is_no_cut() -> None:
    noise = np.random.default_rng(2).integers(-2, 3, (2, 64, 64, 3))
    before, after = (128 + noise).astype(np.uint8)
    assert PicturesBetween(before, after, block_motion(before)).rest < LARGEST_REST


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (5, 200), (70, 33)])
def test_any_size(texture, size: tuple[int, int]) -> None:
    before = texture(*size, 1)
    made = PicturesBetween(before, before, block_motion(before)).at(0.5)
    assert np.abs(made.astype(int) - before).max() <= 1


def test_large_pictures_move_by_as_many_pixels(panned) -> None:
    """Of 1.5 megapixels, searched at four fifths of their sides."""
    before, truth, after = panned(3, 1000, 1500, (4, -6))
    made = PicturesBetween(before, after, block_motion(before)).at(0.5)
    assert difference(made, truth) < NEAR < 0.5 * difference(before, truth)


def test_coded_motion_is_that_of_blocks_on_pictures_shown_larger(panned) -> None:
    small = panned(3, 96, 256, (0, 60))
    before, truth, after = (
        cv2.resize(picture, None, fx=1.5, fy=2, interpolation=cv2.INTER_CUBIC) for picture in small
    )
    coded = BlockMotion(block_motion(small[0], (-180, 0)).displacements, 16, 12)
    still = BlockMotion(block_motion(small[0]).displacements, 16, 12)
    middle = np.s_[:, 110:-110]
    errors = [
        difference(PicturesBetween(before, after, motion).at(0.5)[middle], truth[middle])
        for motion in (coded, still)
    ]
    assert errors[0] < 0.6 * errors[1]
