"""Plans whose blocks want quantisers of their own, with and without local quantisers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from bitstream.group_structure import Structure, coding_order
from videocodec.encoder.frame_plan import FramePlan
from videocodec.encoder.importance import USUAL_CLASS, WEIGHTS
from videocodec.encoder.local_plans import local_quantisers, of_blocks, with_quantisers

GRID = 3, 5  # blocks of 32 px: 2 × 3 squares, cut at the edges
PLAN = FramePlan(60, np.full(GRID, USUAL_CLASS), coding_order(Structure.KEYFRAME, 1)[0])


def header(format_version: int) -> SimpleNamespace:
    return SimpleNamespace(
        format_version=format_version, block_rows=3, block_columns=5, block_size=32
    )


def planned(wanted: np.ndarray, format_version: int = 2) -> FramePlan:
    return with_quantisers(PLAN, wanted, header(format_version))  # type: ignore[arg-type]


def test_whole_squares_have_what_they_want() -> None:
    wanted = np.full(GRID, 60)
    wanted[:2, 2:4], wanted[2, 4] = 48, 72
    plan = planned(wanted)
    assert (plan.quantiser, plan.offsets.tolist()) == (60, [[0, -12, 0], [0, 0, 12]])
    assert (WEIGHTS[plan.classes] == 1).all()
    assert local_quantisers(plan, header(2)).tolist() == wanted.tolist()  # type: ignore[arg-type]


def test_a_square_is_as_fine_as_its_finest_block_and_errors_in_the_others_count_less() -> None:
    wanted = np.full(GRID, 60)
    wanted[0, 0] = 54
    plan = planned(wanted)
    assert plan.offsets.tolist() == [[-6, 0, 0], [0, 0, 0]]
    weights = WEIGHTS[plan.classes]
    assert weights[:2, :2] == pytest.approx(np.array([[1, 0.5], [0.5, 0.5]]))
    assert (weights[2] == 1).all() and (weights[:, 2:] == 1).all()


def test_beyond_the_largest_offset_the_frame_is_finer_and_the_others_coarser() -> None:
    wanted = np.full(GRID, 60)
    wanted[:2, :2] = 10
    plan = planned(wanted)
    assert plan.quantiser == 34 and plan.offsets.tolist() == [[-24, 24, 24], [24, 24, 24]]
    weights = WEIGHTS[plan.classes]
    assert (weights[:2, :2] == 1).all() and weights[2] == pytest.approx(2 ** (-2 / 6), rel=0.2)


def test_quantisers_stay_in_their_range() -> None:
    plan = planned(np.full(GRID, 200))
    assert plan.quantiser == 60 and (plan.offsets == 24).all()
    plan = planned(np.full(GRID, -9))
    assert plan.quantiser == 24 and (plan.offsets == -24).all()


def test_version_1_has_one_quantiser() -> None:
    wanted = np.full(GRID, 60)
    wanted[0, 0] = 48
    plan = planned(wanted, 1)
    assert plan.quantiser == 48 and plan.offsets is None
    weights = WEIGHTS[plan.classes]
    assert weights[0, 0] == 1 and weights.ravel()[1:] == pytest.approx(0.25, rel=0.01)


def test_blocks_beyond_the_last_square_have_nothing() -> None:
    assert of_blocks(np.array([[3]]), 2, (3, 3)).tolist() == [[3, 3, 0], [3, 3, 0], [0, 0, 0]]
