"""Frames that move as their references show: when that is near enough, and what is done else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bitstream.group_structure import FrameReference
from videocodec.encoder.frame_plan import CodedReference, FramePlan
from videocodec.encoder.shown_motion import shown_motion

GRID = 2, 3
VECTORS = np.arange(2 * 2 * 3 * 2).reshape(2, *GRID, 2)
DECISION, PLANNED = object(), np.zeros((*GRID, 2), np.int64)


class Decider:
    """References lack 2 and 4 grey levels, and the frame as they show it so many."""

    def __init__(self, lacking: float) -> None:
        self._lacking = lacking

    def lacking(self, reference: float, source: np.ndarray) -> float:
        assert source.shape == (3, 16, 24) and source.dtype == np.int16
        return reference

    def shown_motion(self, references: list[float], context: object) -> np.ndarray:
        assert references == [2.0, 4.0]
        return VECTORS

    def shown(self, references: list[float], vectors: np.ndarray) -> object:
        assert vectors is VECTORS
        return DECISION

    def shown_lacking(
        self, references: list[float], vectors: np.ndarray, source: np.ndarray
    ) -> float:
        assert source.shape == (3, 16, 24)
        return self._lacking


def plan_of(*sources: np.ndarray | None) -> FramePlan:
    known = [
        CodedReference(lacking, np.zeros(GRID, np.uint8), source)
        for lacking, source in zip((2.0, 4.0), sources, strict=True)
    ]
    entry = FrameReference(0, 0, 2)
    picture = np.zeros((3, 16, 24), np.int16)
    return FramePlan(
        40, np.zeros(GRID), entry, tuple((one, [PLANNED]) for one in known), picture=picture
    )


SOURCE = np.zeros((15, 20, 3), np.uint8)


@pytest.mark.parametrize(("lacking", "is_enough"), [(3.1, True), (3.2, False)])
def test_what_references_show_is_enough_where_it_lacks_little_more_than_they_do(
    lacking: float, is_enough: bool
) -> None:
    plan = plan_of(SOURCE, SOURCE)
    decision, then = shown_motion(Decider(lacking), None, plan)
    assert (decision is DECISION) == is_enough
    if not is_enough:  # candidates begin there
        for (_, fields), vectors in zip(then.references, VECTORS, strict=True):
            assert np.array_equal(fields, [vectors, PLANNED])
    assert [known for known, _ in then.references] == [known for known, _ in plan.references]


def test_what_lacks_much_more_is_searched_for() -> None:
    found = [[np.full((*GRID, 2), side)] for side in (1, 2)]
    plan = replace(plan_of(SOURCE, SOURCE), search=lambda: found)
    decision, then = shown_motion(Decider(3.7), None, plan)
    assert decision is None and [fields for _, fields in then.references] == found


def test_candidates_begin_there_where_nobody_knows_what_references_lack() -> None:
    decision, then = shown_motion(Decider(0.0), None, plan_of(None, None))
    assert decision is None
    assert [len(fields) for _, fields in then.references] == [2, 2]
