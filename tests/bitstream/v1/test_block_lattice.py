"""The lattice of blocks: every block once, neighbours before it, and the predictors against slow
ones.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitstream.v1.block_lattice import Stage, StageKind, middle_and_spread, stages
from bitstream.v1.prediction import VECTOR_LIMIT

from ...conformance.reference_v1 import blocks as reference_blocks
from ...conformance.reference_v1.vectors import middle_of, spread_of

SIDES = range(1, 21)


@pytest.mark.parametrize("height", SIDES)
def test_every_block_is_in_exactly_one_stage(height: int) -> None:
    for width in SIDES:
        blocks = np.concatenate([stage.blocks for stage in stages(height, width)])
        assert sorted(blocks.tolist()) == list(range(height * width))


@pytest.mark.parametrize("height", SIDES)
def test_neighbours_lie_in_earlier_stages(height: int) -> None:
    for width in SIDES:
        known = np.zeros(height * width, dtype=bool)
        for stage in stages(height, width):
            # raster order, none empty
            assert len(stage.blocks) and (np.diff(stage.blocks) > 0).all()
            assert stage.neighbours.shape == (4, len(stage.blocks))
            assert (stage.inside == (stage.neighbours >= 0)).all() and stage.neighbours.min() >= -1
            assert known[stage.neighbours[stage.inside]].all()
            assert (stage.kind == StageKind.FIRST) == (not known.any())
            assert stage.kind != StageKind.FIRST or not stage.inside.any()
            known[stage.blocks] = True


@pytest.mark.parametrize("height", SIDES)
def test_stages_as_written(height: int) -> None:
    for width in SIDES:
        expected = [
            (kind, blocks) for kind, blocks in reference_blocks.stages(height, width) if blocks
        ]
        got = stages(height, width)
        assert [int(stage.kind) for stage in got] == [kind for kind, _ in expected]
        for stage, (_, blocks) in zip(got, expected, strict=True):
            assert stage.blocks.tolist() == [block.row * width + block.column for block in blocks]
            for inside, neighbours, block in zip(
                stage.inside.T, stage.neighbours.T, blocks, strict=True
            ):
                assert neighbours[inside].tolist() == [y * width + x for y, x in block.neighbours]


def test_nearly_every_block_of_a_large_frame_has_four_neighbours() -> None:
    inside = sum(int(stage.inside.all(0).sum()) for stage in stages(68, 120))
    assert inside > 0.9 * 68 * 120


def test_a_small_lattice_by_hand() -> None:
    got = stages(3, 5)
    assert [(stage.kind.name, stage.blocks.tolist()) for stage in got] == [
        ("FIRST", [0]),
        ("EDGE", [4]),  # s = 4: (0, 4), and no diagonal block
        ("DIAGONAL", [12]),  # s = 2: (2, 2)
        ("EDGE", [2, 10, 14]),
        ("DIAGONAL", [6, 8]),  # s = 1
        ("EDGE", [1, 3, 5, 7, 9, 11, 13]),
    ]
    assert [stage.neighbours[:, 0].tolist() for stage in got] == [
        [-1, -1, -1, -1],
        [-1, -1, 0, -1],
        [0, 4, -1, -1],
        [-1, 12, 0, 4],
        [0, 2, 10, 12],
        [-1, 6, 0, 2],
    ]


def test_stages_are_shared_and_read_only() -> None:
    assert stages(7, 9) is stages(7, 9)
    for stage in stages(7, 9):
        with pytest.raises(ValueError, match="read-only"):
            stage.blocks[0] = 1
        with pytest.raises(ValueError, match="read-only"):
            stage.neighbours[0, 0] = 1


def test_gather() -> None:
    stage = Stage(StageKind.EDGE, np.array([1]), np.array([[-1], [4], [0], [2]]))
    assert stage.gather(np.arange(10, 16).reshape(2, 3)).tolist() == [[0], [14], [10], [12]]
    assert stage.gather(np.arange(12).reshape(2, 3, 2), outside=-7).tolist() == [
        [[-7, -7]],
        [[8, 9]],
        [[0, 1]],
        [[4, 5]],
    ]
    assert stage.gather(np.ones((2, 3), dtype=bool)).tolist() == [[False], [True], [True], [True]]


def test_part_of_a_stage_gathers_as_the_whole() -> None:
    plane = np.arange(7 * 9).reshape(7, 9)
    for stage in stages(7, 9):
        chosen = stage.blocks % 3 == 0
        part = stage.select(chosen)
        assert part.kind == stage.kind and part.blocks.tolist() == stage.blocks[chosen].tolist()
        assert (
            part.gather(plane, outside=-1).tolist()
            == stage.gather(plane, outside=-1)[:, chosen].tolist()
        )


component = st.integers(-3, 3) | st.integers(-VECTOR_LIMIT, VECTOR_LIMIT)
vector = st.tuples(component, component)
neighbourhood = st.tuples(
    st.lists(vector, min_size=4, max_size=4),
    st.lists(st.booleans(), min_size=4, max_size=4),
    vector,
)


@given(st.lists(neighbourhood, min_size=1, max_size=12))
def test_predictor_and_spread_as_written(
    blocks: list[tuple[list[tuple[int, int]], list[bool], tuple[int, int]]],
) -> None:
    values = np.array([around for around, _, _ in blocks]).transpose(1, 0, 2)
    available = np.array([known for _, known, _ in blocks]).T
    fallback = np.array([other for _, _, other in blocks])
    predictors, spreads = middle_and_spread(values, available, fallback)
    assert predictors.shape == fallback.shape and spreads.shape == (len(blocks),)
    for (around, known, other), predictor, spread in zip(
        blocks, predictors.tolist(), spreads.tolist(), strict=True
    ):
        seen = [list(v) for v, there in zip(around, known, strict=True) if there]
        assert predictor == (
            [middle_of([v[k] for v in seen]) for k in (0, 1)] if seen else list(other)
        )
        assert spread == spread_of(seen)


@pytest.mark.parametrize(
    ("seen", "predictor", "spread"),
    [
        ([], (7, -7), 1),
        ([(3, -3)], (3, -3), 1),
        ([(3, -3), (3, -3)], (3, -3), 0),
        ([(3, -3), (4, -4)], (3, -4), 1),  # 7 >> 1 and -7 >> 1
        ([(3, -3), (5, -3)], (4, -3), 1),
        ([(3, -3), (6, -3)], (4, -3), 2),
        ([(3, -3), (3, 0), (3, -9)], (3, -3), 2),
        ([(0, 8), (1, 0), (2, 0), (2, 9)], (1, 4), 2),
        ([(1, 1)] * 4, (1, 1), 0),
    ],
)
def test_predictor_and_spread_by_hand(
    seen: list[tuple[int, int]], predictor: tuple[int, int], spread: int
) -> None:
    values = np.full((4, 1, 2), 300)
    available = np.zeros((4, 1), dtype=bool)
    for index, value in enumerate(seen):
        values[3 - index, 0], available[3 - index, 0] = value, True
    found, spreads = middle_and_spread(values, available, np.array([[7, -7]]))
    assert tuple(found[0].tolist()) == predictor and spreads.tolist() == [spread]
