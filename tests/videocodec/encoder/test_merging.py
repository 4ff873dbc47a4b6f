"""Merged blocks: what follows from a partition, and squares that are taken apart."""

from __future__ import annotations

import numpy as np
import pytest

from videocodec.encoder.merging import Partition, split_at


@pytest.fixture
def sides() -> np.ndarray:
    """4 × 6 blocks: one square of 4 × 4, one of 2 × 2, and four single blocks."""
    sides = np.full((4, 6), 4)
    sides[:2, 4:], sides[2:, 4:] = 2, 1
    return sides


def test_costs_are_summed_at_the_leaders(sides: np.ndarray) -> None:
    sums = Partition(sides).sums(np.ones((4, 6)))
    expected = np.zeros((4, 6))
    expected[0, 0], expected[0, 4], expected[2:, 4:] = 16, 4, 1
    assert np.array_equal(sums, expected)
    assert np.array_equal(Partition(sides).leads.reshape(4, 6), expected > 0)


def test_blocks_take_what_their_leader_has(sides: np.ndarray) -> None:
    partition, places = Partition(sides), np.arange(24).reshape(4, 6)
    shared = partition.shared(places)
    assert (shared[:, :4] == 0).all() and (shared[:2, 4:] == 4).all()
    assert np.array_equal(shared[2:, 4:], places[2:, 4:])
    vectors = np.stack([places, -places], -1)
    assert np.array_equal(partition.shared(vectors), np.stack([shared, -shared], -1))


def test_vectors_of_leaders_reach_the_blocks_that_they_lead(sides: np.ndarray) -> None:
    field = Partition(sides).spread(np.array([4, 23]), np.array([[1, 2], [3, 4]]))
    assert (field[:2, 4:] == (1, 2)).all() and (field[3, 5] == (3, 4)).all()
    assert not field[:, :4].any()
    led = Partition(sides).led_by(np.array([4, 23]))
    assert np.array_equal(led, field.any(-1))


def test_a_block_that_stands_alone_splits_its_squares_and_no_others(sides: np.ndarray) -> None:
    alone = np.zeros((4, 6), bool)
    alone[3, 0] = True
    split_at(alone, sides)
    assert sides.tolist() == [[2, 2, 2, 2, 2, 2]] * 2 + [[1, 1, 2, 2, 1, 1]] * 2


def test_a_square_cut_to_one_block_by_the_edge_is_a_single_block() -> None:
    sides, alone = np.full((3, 3), 4), np.zeros((3, 3), bool)
    alone[0, 0] = True
    split_at(alone, sides)
    assert sides.tolist() == [[1, 1, 2], [1, 1, 2], [2, 2, 1]]
