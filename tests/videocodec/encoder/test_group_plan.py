"""Which frames are coded together: temporal layers, leaves, and groups that fit the motion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bitstream.group_structure import Structure, coding_order
from videocodec.encoder.frame_plan import EncoderFrame
from videocodec.encoder.group_plan import GroupPlan, GroupPlanner, temporal_layers
from videocodec.encoder.importance import GroupMotion
from videocodec.encoder.motion import MotionSearch
from videocodec.encoder.settings import EncoderSettings


def blank_plan(linear_codec, structure: Structure) -> GroupPlan:
    """Of eight frames."""
    search = MotionSearch.for_header(linear_codec.header(96, 64), flow_preset=0)
    blank = np.zeros((64, 96), np.uint8)
    frames = [EncoderFrame(np.zeros((16, 8, 12), np.float32), blank, i, 1) for i in range(8)]
    order = coding_order(structure, 8)
    return GroupPlan(structure, frames, order, GroupMotion(search, [blank] * 9), {})


def test_every_split_of_a_gap_is_a_layer_more() -> None:
    assert temporal_layers(coding_order(Structure.HIERARCHY, 8)) == [3, 2, 3, 1, 3, 2, 3, 0]
    assert temporal_layers(coding_order(Structure.HIERARCHY, 3)) == [1, 2, 0]


def test_a_chain_has_one_layer() -> None:
    assert temporal_layers(coding_order(Structure.CHAIN, 4)) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("structure", "leaves"),
    [(Structure.HIERARCHY, [1, 3, 5, 7]), (Structure.CHAIN, [])],
)
def test_leaves_are_what_no_other_frame_refers_to(
    linear_codec, structure: Structure, leaves: list[int]
) -> None:
    plan = blank_plan(linear_codec, structure)
    assert sorted(entry.number for entry in plan.order if plan.is_leaf(entry)) == leaves


@pytest.mark.parametrize(
    ("structure", "bare"),
    [
        (Structure.HIERARCHY, [[], [1, 3, 5, 7], [1, 2, 3, 5, 6, 7], [1, 2, 3, 4, 5, 6, 7]]),
        (Structure.CHAIN, [[]] * 4),
    ],
)
def test_frames_between_others_carry_motion_alone_up_to_a_height(
    linear_codec, structure: Structure, bare: list[list[int]]
) -> None:
    plan = blank_plan(linear_codec, structure)
    for heights, expected in enumerate(bare):
        found = [entry.number for entry in plan.order if plan.is_bare(entry, heights)]
        assert sorted(found) == expected


@pytest.mark.parametrize(
    ("preset", "changes", "expected"),
    [
        ("medium", False, (Structure.HIERARCHY, 12)),
        ("medium", True, (Structure.CHAIN, 8)),
        ("ultrafast", False, (Structure.HIERARCHY, 12)),
    ],
)
def test_groups_are_large_where_little_is_new(
    linear_codec, smooth, preset: str, changes: bool, expected: tuple[Structure, int]
) -> None:
    header, effort = linear_codec.header(96, 64), EncoderSettings(preset=preset).effort
    search = MotionSearch.for_header(header, effort.flow_preset)
    pictures = [smooth(64, 96, index if changes else 0) for index in range(13)]
    frames = [
        EncoderFrame(linear_codec.latents(picture), search.luma(picture), index, 1)
        for index, picture in enumerate(pictures)
    ]
    plan = GroupPlanner(header, effort, search).plan(frames[0].luma, frames[1:])
    assert (plan.structure, len(plan.frames)) == expected
    assert bool(plan.importance) == effort.importance


@pytest.mark.parametrize("importance", [False, True])
@pytest.mark.parametrize(("bare_heights", "pairs"), [(0, 14), (1, 6)])
def test_frames_that_move_as_their_references_show_are_not_searched_for(
    linear_codec, smooth, importance: bool, bare_heights: int, pairs: int
) -> None:
    header, asked = linear_codec.header(96, 64), set()
    plain = EncoderSettings(preset="ultrafast").effort
    blocks = replace(plain.blocks, shown_heights=1)

    class Still(MotionSearch):
        def vectors(self, current: np.ndarray, reference: np.ndarray) -> np.ndarray:
            asked.add((int(current[0, 0]), int(reference[0, 0])))
            return super().vectors(current, reference)

    search = Still.for_header(header, 0)
    lumas = []
    for index in range(9):
        luma = search.luma(smooth(64, 96, 1))
        luma[0, 0] = index
        lumas.append(luma)
    frames = [
        EncoderFrame(np.zeros(0, np.float32), luma, index, 1)
        for index, luma in enumerate(lumas[1:])
    ]
    effort = replace(plain, blocks=blocks, importance=importance)
    planner = GroupPlanner(header, effort, search, bare_heights=bare_heights)
    plan = planner.plan(lumas[0], frames)
    assert plan.structure == Structure.HIERARCHY and len(plan.frames) == 8
    assert len(asked) == pairs + 1  # of the last frame there is one
    assert bool(plan.importance) == importance


def test_in_short_groups_frames_between_are_searched_for_near_what_their_references_share(
    linear_codec, smooth
) -> None:
    header, refined = linear_codec.header(96, 64), []
    plain = EncoderSettings(preset="ultrafast").effort
    effort = replace(plain, blocks=replace(plain.blocks, shown_heights=1))

    class Moving(MotionSearch):
        def vectors(self, current: np.ndarray, reference: np.ndarray) -> np.ndarray:
            away = int(current[0, 0]) - int(reference[0, 0])
            return np.full((*header_grid, 2), 4 * away, dtype=np.int64)

        def refined(
            self, current: np.ndarray, reference: np.ndarray, vectors: np.ndarray
        ) -> np.ndarray:
            refined.append((int(current[0, 0]), int(reference[0, 0]), int(vectors[0, 0, 0])))
            return vectors + 1

    header_grid = header.block_rows, header.block_columns
    search, lumas = Moving.for_header(header, 0), []
    for index in range(5):
        luma = search.luma(smooth(64, 96, 1))
        luma[0, 0] = index
        lumas.append(luma)
    frames = [
        EncoderFrame(np.zeros(0, np.float32), luma, index, 1)
        for index, luma in enumerate(lumas[1:])
    ]
    plan = GroupPlanner(header, effort, search, bare_heights=1).plan(lumas[0], frames)
    assert sorted(refined) == [(1, 0, 4), (1, 2, -4), (3, 2, 4), (3, 4, -4)]
    (leaf,) = (entry for entry in plan.order if entry.number == 1)
    assert plan.motion.vectors(1, 0)[0, 0, 0] == 5
    assert plan.is_bare(leaf, 1) and not plan.is_shown(leaf, 1)
