"""Moved pictures, and what is predicted from them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.tables import TablesError
from bitstream.v2.loop_arithmetic import MIDDLE
from bitstream.v2.moved_pictures import InterpolatedPicture
from bitstream.v2.prediction import PictureReference, moved_picture, predict_frame

from ...conformance.reference_v2.loop import moved_sample
from .synthetic import random_loop

LOOP = random_loop(4)


def picture_of(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2 * MIDDLE + 1, (3, height, width)).astype(np.int16)


def reference_of(seed: int) -> PictureReference:
    rng = np.random.default_rng(seed)
    latents = rng.integers(-400, 401, (4, 4, 6)).astype(np.int32)
    return PictureReference(LOOP, latents, np.full((4, 6), 50, dtype=np.uint8))


def test_squares_come_from_where_the_text_says() -> None:
    picture, rng = picture_of(24, 32), np.random.default_rng(1)
    rows, columns = rng.integers(-1, 6, 40) * 4, rng.integers(-1, 8, 40) * 4
    vectors = rng.integers(-70, 71, (40, 2))
    vectors[:4] = ((-512, 512), (512, -511), (-511, 0), (3, 512))
    found = InterpolatedPicture(picture, vectors).squares(rows, columns, vectors)
    for square, row, column, vector in zip(found, rows, columns, vectors, strict=True):
        for plane in range(3):
            samples = picture[plane].tolist()
            wanted = [
                [
                    moved_sample(samples, int(row) + y, int(column) + x, tuple(vector.tolist()))
                    for x in range(8)
                ]
                for y in range(8)
            ]
            assert square[plane].tolist() == wanted


@pytest.mark.parametrize("vector", [(2, -4), (1, 0), (0, 1), (3, -5)])
def test_only_what_lies_where_vectors_point_is_made(vector: tuple[int, int]) -> None:
    picture, vectors = picture_of(96, 16), np.array([vector])
    place = np.array([72]), np.array([4]), vectors
    every = InterpolatedPicture(picture, np.array([[0, 1], [1, 0], [1, 1]]))
    assert np.array_equal(
        InterpolatedPicture(picture, vectors).squares(*place), every.squares(*place)
    )


def test_the_example_of_the_text() -> None:
    row = [0, 0, 0, 100, 100, 100, 100, 100]
    assert moved_sample([row] * 8, 3, 3, (0, 1)) == 113


def test_a_still_block_is_a_copy_of_latents_whatever_moves_beside_it() -> None:
    reference = reference_of(0)
    fields = BlockFields.blank(4, 6, Mode.SKIP)
    fields.vectors[0, 0, 0] = (3, -5)
    found = predict_frame(fields, (reference,), 1)
    still = np.ones((4, 6), dtype=bool)
    still[0, 0] = False
    assert np.array_equal(found[:, still], reference.latents[:, still])
    moved = LOOP.latents(moved_picture(fields, (reference,), 1))
    assert np.array_equal(found[:, ~still], moved[:, ~still])


def test_without_motion_no_picture_is_made() -> None:
    references = reference_of(0), reference_of(1)
    fields = BlockFields.blank(4, 6, Mode.SKIP)
    fields.directions[:] = Direction.AVERAGE
    found = predict_frame(fields, references, 1)
    assert np.array_equal(found, (references[0].latents + references[1].latents + 1) >> 1)
    assert all(reference._picture is None for reference in references)


def test_an_average_is_of_pictures() -> None:
    references = reference_of(0), reference_of(1)
    fields = BlockFields.blank(4, 6, Mode.SKIP)
    fields.directions[:] = Direction.AVERAGE
    fields.vectors[1] = (2, 0)
    alone = []
    for index, direction in enumerate((Direction.PAST, Direction.FUTURE)):
        one = BlockFields.blank(4, 6, Mode.SKIP)
        one.directions[:], one.vectors[index] = direction, fields.vectors[index]
        alone.append(moved_picture(one, references, 1))
    assert np.array_equal(moved_picture(fields, references, 1), (alone[0] + alone[1] + 1) >> 1)


def test_an_intra_block_is_zero() -> None:
    fields = BlockFields.blank(4, 6, Mode.SKIP)
    fields.vectors[0] = (1, 1)
    fields.modes[1, 1] = Mode.INTRA
    assert not predict_frame(fields, (reference_of(0),), 1)[:, 1, 1].any()


def test_a_reference_is_pickled_without_its_picture() -> None:
    reference = reference_of(0)
    picture = reference.picture
    found = pickle.loads(pickle.dumps(reference))
    assert found._picture is None
    assert np.array_equal(found.picture, picture)


def test_a_model_for_keyframes_alone_has_no_pictures() -> None:
    latents = np.zeros((4, 1, 1), dtype=np.int32)
    reference = PictureReference(None, latents, np.zeros((1, 1), np.uint8))
    with pytest.raises(TablesError, match="keyframes alone"):
        _ = reference.picture
