"""Parts of pictures: rectangles of positions, and what they need around them."""

from __future__ import annotations

import numpy as np
import pytest

from videocodec.models.parts import ALIGNMENT, Rectangle, affected_parts, tiles_of


def covered(parts: list[Rectangle], height: int, width: int) -> np.ndarray:
    count = np.zeros((height, width), int)
    for top, left, bottom, right in parts:
        count[top:bottom, left:right] += 1
    return count


def test_nothing_that_changed_affects_nothing() -> None:
    assert affected_parts(np.zeros((20, 30), bool), 3) == []


@pytest.mark.parametrize("seed", range(5))
def test_parts_hold_everything_within_reach_of_a_change_once(seed: int) -> None:
    generator = np.random.default_rng(seed)
    changed = np.zeros((70, 90), bool)
    for row, column in generator.integers(0, (70, 90), (4, 2)):
        changed[row, column] = True
    parts = affected_parts(changed, 5)
    near = np.zeros_like(changed)
    for row, column in np.argwhere(changed):
        near[max(0, row - 5) : row + 6, max(0, column - 5) : column + 6] = True
    count = covered(parts, 70, 90)
    assert np.all(count[near] == 1) and count.max() == 1
    assert all(part.top % ALIGNMENT == part.left % ALIGNMENT == 0 for part in parts)


def test_two_changes_far_apart_are_two_parts() -> None:
    changed = np.zeros((64, 200), bool)
    changed[10, 10] = changed[50, 190] = True
    assert sorted(affected_parts(changed, 2)) == [
        Rectangle(8, 8, 16, 16),
        Rectangle(48, 184, 56, 200),
    ]


def test_surroundings_end_at_the_edge_of_the_picture() -> None:
    assert Rectangle(8, 16, 16, 24).grown(9, 21, 100) == Rectangle(0, 0, 21, 40)


@pytest.mark.parametrize(
    ("height", "width", "most"),
    [(36, 64, 10_000), (135, 240, 8_000), (270, 480, 30_000), (540, 960, 60_000)],
)
def test_tiles_cover_the_picture_once_within_the_limit(height: int, width: int, most: int) -> None:
    tiles = tiles_of(Rectangle(0, 0, height, width), 31, height, width, most)
    assert np.all(covered(tiles, height, width) == 1)
    largest = max(tile.grown(31, height, width).area for tile in tiles)
    assert largest <= most
    assert (len(tiles) == 1) == (most >= height * width)


def test_a_limit_that_no_tile_can_keep_is_raised() -> None:
    tiles = tiles_of(Rectangle(0, 0, 135, 240), 31, 135, 240, 100)
    assert np.all(covered(tiles, 135, 240) == 1)
    assert max(tile.grown(31, 135, 240).area for tile in tiles) < 135 * 240 / 2


def test_tiles_of_a_part_cover_that_part_alone() -> None:
    part = Rectangle(16, 40, 100, 240)
    tiles = tiles_of(part, 31, 135, 240, 16_000)
    count = covered(tiles, 135, 240)
    assert len(tiles) > 1 and count.max() == 1 and count.sum() == part.area
    assert np.all(count[16:100, 40:] == 1)


def test_positions_are_eight_pixels_a_side() -> None:
    assert Rectangle(1, 2, 3, 4).pixels() == (8, 16, 24, 32)
