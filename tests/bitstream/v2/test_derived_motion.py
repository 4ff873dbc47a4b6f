"""Derived motion: what it finds in moving pictures, and that the decoder written from the text
finds the same.
"""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from bitstream.v2.derived_motion import derived_motion, doubled, grey, halved

from ...conformance.reference_v2.derived import DerivedMotion

SPAN = 640  # px of the scene that pictures are cut out of


def scene(seed: int) -> np.ndarray:
    """Smooth noise of several sizes (3, SPAN, SPAN), 0..1020."""
    rng, total = np.random.default_rng(seed), np.zeros((3, SPAN, SPAN))
    for reach in (2, 5, 12):
        noise = rng.normal(0, 1, total.shape)
        for axis in (1, 2, 1, 2, 1, 2):
            noise = sum(np.roll(noise, by, axis) for by in range(-reach, reach + 1))
        total += noise / noise.std()
    return np.clip(510 + 120 * total, 0, 1020).astype(np.int16)


def cut(whole: np.ndarray, size: tuple[int, int], at: tuple[int, int]) -> np.ndarray:
    """What a camera sees whose corner has moved so far from the middle."""
    first = SPAN // 2 - 100
    y, x = first + at[0], first + at[1]
    return whole[:, y : y + size[0], x : x + size[1]]


def moving(
    seed: int, size: tuple[int, int], speed: tuple[int, int], distances: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures at the distances, of a scene that moves by ``speed`` px a frame."""
    whole = scene(seed)
    past, future = (cut(whole, size, (-speed[0] * d, -speed[1] * d)) for d in distances)
    return past, future


@pytest.mark.parametrize(
    ("speed", "distances", "block"),
    [((0, 0), (-1, 1), 1), ((2, -4), (-1, 1), 1), ((1, 0), (-1, 3), 1), ((0, 3), (-3, 1), 2)],
)
def test_the_middle_of_a_picture_that_moves_is_found(
    speed: tuple[int, int], distances: tuple[int, int], block: int
) -> None:
    past, future = moving(0, (128, 160), speed, distances)
    likely = np.zeros((16 // block, 20 // block, 2), dtype=np.int64)
    found = derived_motion((past, future), distances, block, likely)
    inner = found[:, 4 // block : -4 // block, 4 // block : -4 // block]
    for vectors, distance in zip(inner, distances, strict=True):
        assert (vectors == 2 * distance * np.array(speed)).all()


@pytest.mark.parametrize(
    ("size", "distances", "block"),
    [
        ((40, 48), (-1, 1), 1),
        ((8, 72), (-1, 3), 1),
        ((72, 8), (-2, 1), 1),
        ((48, 32), (-1, 2), 2),
        ((16, 16), (-3, 4), 2),
        ((8, 8), (-1, 1), 1),
    ],
)
def test_a_decoder_written_from_the_text_finds_the_same(
    size: tuple[int, int], distances: tuple[int, int], block: int
) -> None:
    past, future = moving(1, size, (2, -3), distances)
    noise = np.random.default_rng(2).integers(-60, 61, (2, *past.shape))
    past, future = (
        np.clip(each + by, 0, 1020).astype(np.int16)
        for each, by in zip((past, future), noise, strict=True)
    )
    side = 8 * block
    grid = size[0] // side, size[1] // side
    likely = np.random.default_rng(3).integers(-20, 21, (*grid, 2))
    found = derived_motion((past, future), distances, block, likely)
    slow = DerivedMotion((past.tolist(), future.tolist()), list(distances), side)
    for vectors, expected in zip(found, slow.vectors(likely.tolist()), strict=True):
        assert {place: vectors[place].tolist() for place in np.ndindex(grid)} == expected
    assert found.any()


@pytest.mark.parametrize(("block", "share"), [(1, 0.02), (1, 0.3), (2, 0.1)])
def test_blocks_that_are_asked_for_move_as_they_do_among_all(block: int, share: float) -> None:
    past, future = np.random.default_rng(4).integers(0, 1021, (2, 3, 112, 144)).astype(np.int16)
    rng, grid = np.random.default_rng(5), (14 // block, 18 // block)
    likely, wanted = rng.integers(-20, 21, (*grid, 2)), rng.random(grid) < share
    every = derived_motion((past, future), (-1, 2), block, likely)
    some = derived_motion((past, future), (-1, 2), block, likely, wanted)
    assert wanted.any() and np.array_equal(some[:, wanted], every[:, wanted])


def test_vectors_are_pinned() -> None:
    """What is written is what it was."""
    past, future = np.random.default_rng(0).integers(0, 1021, (2, 3, 64, 80)).astype(np.int16)
    found = derived_motion((past, future), (-1, 2), 1, np.zeros((8, 10, 2), dtype=np.int64))
    assert f"{zlib.crc32(found.astype('<i2').tobytes()):08x}" == "68a333a3"


def test_vectors_are_limited() -> None:
    """What is likely may lie at the limit, and the best lie beyond it."""
    rng = np.random.default_rng(3)
    strip = np.tile(1020 * rng.integers(0, 2, (1, 1, 300)).repeat(4, 2), (3, 8, 1)).astype(np.int16)
    past, future = (np.ascontiguousarray(strip[:, :, x : x + 640]) for x in (0, 515))
    likely = np.zeros((1, 80, 2), dtype=np.int64)
    likely[..., 1] = 512
    found = derived_motion((past, future), (-1, 1), 1, likely)
    assert found[0].max() == 512 and found[1].min() == -512
    slow = DerivedMotion((past.tolist(), future.tolist()), [-1, 1], 8)
    for vectors, expected in zip(found, slow.vectors(likely.tolist()), strict=True):
        assert {place: vectors[place].tolist() for place in np.ndindex(1, 80)} == expected


def test_pictures_without_anything_stand_still() -> None:
    """All vectors cost the same but for their length, wherever they began."""
    flat = np.full((3, 32, 32), 300, dtype=np.int16)
    likely = np.full((4, 4, 2), 8, dtype=np.int64)
    assert not derived_motion((flat, flat), (-1, 1), 1, likely).any()


def test_planes() -> None:
    picture = np.array([[[1020, 3]], [[1020, 2]], [[1020, 0]]], dtype=np.int16)
    assert grey(picture).tolist() == [[1020, 1]]
    assert halved(np.array([[1, 2, 0, 0], [3, 4, 1, 0]], dtype=np.int32)).tolist() == [[3, 0]]
    assert doubled(np.array([[0, 3], [8, 4]], dtype=np.int32)).tolist() == [
        [0, 2, 3, 3],
        [4, 4, 4, 4],
        [8, 6, 4, 4],
        [8, 6, 4, 4],
    ]
