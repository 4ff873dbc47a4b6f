"""Merged blocks: what follows from a partition, and squares that are taken apart."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bitstream.v1.merged_blocks import merge_grid
from videocodec.encoder.block_costs import RateEstimates
from videocodec.encoder.candidates import Candidate
from videocodec.encoder.merging import DerivedCosts, Partition, merged_sides, split_at


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
        kernels=None,
        merge_sides=(4, 2),
        merges_alike=alike,
        vector_costs=lambda difference: np.full(difference.shape[:2], 8.0),
    )
    sides, derived = merged_sides(search, [fields])
    assert (sides == (1 if alike else 4)).all() and not derived.any()


def bits_of(without: float, with_it: float) -> dict[int, np.ndarray]:
    """The same for squares of all sides."""
    return {side: np.array([without, with_it]) for side in (1, 2, 4)}


def test_derived_motion_is_taken_where_it_costs_less() -> None:
    """With what it takes to say so: 2 bits at 3 each, against 1 bit."""
    derived = DerivedCosts(np.array([[3.0, 4.0, 5.0]]), bits_of(1, 2))
    cost, chosen = derived.or_else(merge_grid(1, 3, 1), np.full(3, 7.0), 3.0)
    assert cost.tolist() == [9, 10, 10] and chosen.tolist() == [True, False, False]


def test_a_square_cut_to_one_block_is_never_asked_whether_it_is_derived() -> None:
    """Three blocks in a row: squares of side 2 with two of them, and with one."""
    derived = DerivedCosts(np.zeros((1, 3)), bits_of(1, 0))
    cost, chosen = derived.or_else(merge_grid(1, 3, 2), np.full(2, 5.0), 1.0)
    assert cost.tolist() == [0, 5] and chosen.tolist() == [True, False]


@pytest.mark.parametrize(("derived_cost", "expected"), [(0.0, True), (100.0, False)])
def test_squares_are_derived_where_that_costs_least(derived_cost: float, expected: bool) -> None:
    """All blocks but those on the right, which are cheap as they are."""
    cost = np.full((4, 6), 20.0)
    cost[:, 4:] = -50
    fields = [Candidate(np.zeros((4, 6, 2), np.int64), np.zeros(0), cost)]
    search: Any = SimpleNamespace(
        grid=(4, 6),
        rates=RateEstimates(),
        lagrangian=1.0,
        kernels=None,
        merge_sides=(4, 2),
        merges_alike=True,
        vector_costs=lambda difference: np.full(difference.shape[:2], 8.0),
    )
    costs = DerivedCosts(np.full((4, 6), derived_cost), bits_of(0, 1))
    sides, derived = merged_sides(search, [fields], costs)
    assert (derived[:, :4] == expected).all() and not derived[:, 4:].any()
    assert (sides[derived] == 1).all() and (sides[:, :4] == (1 if expected else 4)).all()
