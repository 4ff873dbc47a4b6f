"""Moved pictures whose blocks overlap."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v2.loop_arithmetic import MIDDLE
from bitstream.v2.moved_pictures import InterpolatedPicture, Picture
from bitstream.v2.overlapped_blocks import OverlappedBlocks

from ...conformance.reference_v2.inter import ReferenceInter
from ...conformance.reference_v2.loop import overlap


def overlapped(fields: BlockFields, pictures: Sequence[Picture], block: int = 1) -> Picture:
    made = {
        index: InterpolatedPicture(picture, fields.vectors[index])
        for index, picture in enumerate(pictures)
    }
    return OverlappedBlocks(fields, made, block).picture()


def by_the_text(fields: BlockFields, pictures: Sequence[Picture], block: int) -> Picture:
    """Sample by sample, by the second decoder."""
    reference = object.__new__(ReferenceInter)
    reference.block, reference.references = block, (0, 1)
    reference.height, reference.width = (size * block for size in fields.modes.shape)
    reference.blocks = SimpleNamespace(
        directions=fields.directions.tolist(), vectors=fields.vectors.tolist()
    )
    listed = [picture.tolist() for picture in pictures]
    reference._picture = listed.__getitem__
    return np.array(reference._moved())


def noise(height: int, width: int, seed: int) -> Picture:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2 * MIDDLE + 1, (3, height, width)).astype(np.int16)


def flat(height: int, width: int, value: int) -> Picture:
    return np.full((3, height, width), value, dtype=np.int16)


def two_directions(height: int, width: int) -> BlockFields:
    """Blocks of the past, but for those of the right half, from the future."""
    fields = BlockFields.blank(height, width, Mode.SKIP)
    fields.directions[:, width // 2 :] = Direction.FUTURE
    return fields


@pytest.mark.parametrize("block", [1, 2])
@pytest.mark.parametrize("seed", range(2))
def test_a_slow_formula_agrees(block: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    fields = BlockFields.blank(2, 4 // block, Mode.SKIP)
    grid = fields.modes.shape
    fields.directions = rng.integers(0, 3, grid)
    fields.vectors = rng.integers(-40, 41, (2, *grid, 2))
    fields.vectors[:, rng.random(grid) < 0.5] = (3, -2)  # so that neighbours move alike
    fields.vectors[0, fields.directions == Direction.FUTURE] = 0
    fields.vectors[1, fields.directions == Direction.PAST] = 0
    pictures = noise(16 * block, 32, seed), noise(16 * block, 32, seed + 9)
    found = overlapped(fields, pictures, block)
    assert np.array_equal(found, by_the_text(fields, pictures, block))


@pytest.mark.parametrize("vector", [(0, 0), (7, -4), (-512, 511)])
@pytest.mark.parametrize("block", [1, 2, 4])
def test_blocks_that_move_alike_are_one(block: int, vector: tuple[int, int]) -> None:
    fields = BlockFields.blank(4 // block, 8 // block, Mode.SKIP)
    fields.vectors[0] = vector
    picture = noise(32, 64, 0)
    rows, columns = (8 * one.reshape(-1) for one in np.indices((4, 8)))
    vectors = np.tile(vector, (32, 1))
    squares = InterpolatedPicture(picture, vectors).squares(rows, columns, vectors)
    whole = squares.reshape(4, 8, 3, 8, 8).transpose(2, 0, 3, 1, 4).reshape(3, 32, 64)
    assert np.array_equal(overlapped(fields, (picture,), block), whole)


def test_an_edge_between_two_blocks() -> None:
    """The first example of the text: 40 on the left, 200 on the right."""
    found = overlapped(two_directions(3, 2), (flat(24, 16, 40), flat(24, 16, 200)))
    row = [40] * 4 + [50, 70, 90, 110, 130, 150, 170, 190] + [200] * 4
    assert (found == row).all()  # up to the picture's borders


def test_larger_blocks_overlap_no_further() -> None:
    found = overlapped(two_directions(1, 2), (flat(16, 32, 40), flat(16, 32, 200)), block=2)
    row = [40] * 12 + [50, 70, 90, 110, 130, 150, 170, 190] + [200] * 12
    assert (found == row).all()


def test_a_corner_where_one_block_differs() -> None:
    """The second example of the text."""
    fields = BlockFields.blank(2, 2, Mode.SKIP)
    fields.directions[1, 1] = Direction.FUTURE
    found = overlapped(fields, (flat(16, 16, 0), flat(16, 16, 1020)))
    assert found[:, 5, 6].tolist() == [60, 60, 60]
    assert found[0, 4, 4] == (1020 + 128) >> 8
    assert found[0, 11, 11] == (225 * 1020 + 128) >> 8
    assert found[0, 15, 15] == 1020 and not found[:, :4].any() and not found[:, :, :4].any()


def test_beyond_the_border_the_outermost_blocks_go_on() -> None:
    fields = BlockFields.blank(1, 1, Mode.SKIP)
    fields.vectors[0] = (5, -3)
    picture = noise(8, 8, 1)
    vectors, start = np.array([[5, -3]]), np.zeros(1, dtype=np.int64)
    (alone,) = InterpolatedPicture(picture, vectors).squares(start, start, vectors)
    assert np.array_equal(overlapped(fields, (picture,)), alone)


def test_an_average_is_rounded_before_blocks_overlap() -> None:
    fields = two_directions(1, 2)
    fields.directions[0, 1] = Direction.AVERAGE
    found = overlapped(fields, (flat(8, 16, 40), flat(8, 16, 41)))
    assert found[0, 0].tolist() == [40] * 8 + [41] * 8  # (40 + 41 + 1) >> 1, by 9, 11, … of 16


def test_strips_of_a_large_picture_join() -> None:
    rng = np.random.default_rng(3)
    fields = BlockFields.blank(40, 56, Mode.SKIP)
    fields.vectors[0] = rng.integers(-9, 10, (40, 56, 2))
    picture = noise(320, 448, 2)
    found = overlapped(fields, (picture,))
    part = BlockFields.blank(6, 56, Mode.SKIP)
    for first in range(35):
        part.vectors[0] = fields.vectors[0, first : first + 6]
        alone = overlapped(part, (picture[:, 8 * first :],))
        rows = slice(8 * first + 20, 8 * first + 28)  # which see nothing of what is cut off
        assert np.array_equal(found[:, rows], alone[:, 20:28])


def test_it_takes_less_memory_than_a_network_of_the_loop() -> None:
    rng = np.random.default_rng(0)
    fields = BlockFields.blank(36, 64, Mode.SKIP)
    fields.directions[:] = Direction.AVERAGE
    fields.vectors = rng.integers(-512, 513, (2, 36, 64, 2))
    pictures = (flat(288, 512, 0),) * 2
    tracemalloc.start()
    try:
        overlapped(fields, pictures)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8000 * 36 * 64  # as ``decoding_bytes`` has it


@pytest.mark.parametrize("cells", [1, 2, 5])
def test_weights_of_a_sample_are_16(cells: int) -> None:
    for place in range(8 * cells):
        (first, one), (second, other) = overlap(place, cells)
        assert one + other == 16 and first <= place // 8 <= second
