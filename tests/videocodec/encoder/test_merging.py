"""Merged blocks: what follows from a partition, and squares that are taken apart."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from videocodec.encoder.block_costs import RateEstimates
from videocodec.encoder.candidates import Candidate
from videocodec.encoder.merging import Partition, merged_sides, split_at


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


def test_a_square_of_eight_is_taken_apart_where_one_block_stands_alone() -> None:
    sides, alone = np.full((8, 8), 8), np.zeros((8, 8), bool)
    alone[0, 0] = True
    split_at(alone, sides)
    assert sides[0].tolist() == [1, 1, 2, 2, 4, 4, 4, 4] and (sides[4:] == 4).all()


@pytest.mark.parametrize("alike", [False, True])
def test_squares_are_judged_by_fields_in_which_they_move_alike(alike: bool) -> None:
    """A field of vectors that all differ costs nothing, one of zeros 20 a block."""
    differing = np.arange(32).reshape(4, 4, 2)
    fields = [
        Candidate(differing, np.zeros(0), np.zeros((4, 4))),
        Candidate(np.zeros_like(differing), np.zeros(0), np.full((4, 4), 20.0)),
    ]
    search: Any = SimpleNamespace(
        grid=(4, 4),
        rates=RateEstimates(),
        lagrangian=1.0,
        merge_sides=(4, 2),
        merges_alike=alike,
        vector_costs=lambda difference: np.full(difference.shape[:2], 8.0),
    )
    sides, derived = merged_sides(search, [fields])
    assert (sides == (1 if alike else 4)).all() and not derived.any()
