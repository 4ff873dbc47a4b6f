"""Importance: handed on where prediction works, along motion, and not where it does not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bitstream.group_structure import Structure, coding_order
from videocodec.encoder.crew import ALONE
from videocodec.encoder.importance import (
    USUAL_CLASS,
    WEIGHTS,
    GroupMotion,
    keyframe_offset,
    propagate,
    weight_classes,
)
from videocodec.encoder.motion import MotionSearch

GRID = (4, 6)


def importance(
    pictures: list[np.ndarray], structure: Structure = Structure.HIERARCHY
) -> dict[int, np.ndarray]:
    search = MotionSearch(16, *GRID, 1)
    motion = GroupMotion(search, [search.luma(picture) for picture in pictures])
    return propagate(motion, coding_order(structure, len(pictures) - 1), 16, GRID)


def test_all_frames_of_a_still_group_live_on_its_anchor(smooth: Callable[..., np.ndarray]) -> None:
    found = importance([smooth(64, 96, 1)] * 9)
    # each frame hands itself on once, to one reference or half to each of two
    assert np.allclose(found[0], 8)
    assert found[0].min() > found[8].max() > found[4].max() > found[2].max() > found[1].max() == 0


def test_a_chain_hands_everything_on(smooth: Callable[..., np.ndarray]) -> None:
    found = importance([smooth(64, 96, 1)] * 4, Structure.CHAIN)
    assert [float(found[frame].mean()) for frame in range(4)] == [3, 2, 1, 0]


def test_nothing_lives_on_another_scene(smooth: Callable[..., np.ndarray]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    found = importance([smooth(64, 96, 1), noise])
    assert found[0].mean() < 0.4
    assert keyframe_offset(found[0]) < keyframe_offset(np.full(GRID, 8.0))


def test_importance_goes_where_blocks_come_from(smooth: Callable[..., np.ndarray]) -> None:
    wide = smooth(64, 160, 5)
    before, now = wide[:, 16:112], wide[:, :96]  # everything moves 16 px to the right
    found = importance([before, now])[0]
    assert found[:, :4].mean() > 0.7
    assert found[:, 5].max() < 0.5  # what was at the right edge has left the picture


def test_classes_are_relative_to_the_frame() -> None:
    assert np.all(weight_classes(np.full(GRID, 7.0)) == USUAL_CLASS)
    some = np.zeros(GRID)
    some[0] = 15
    classes = weight_classes(some)
    assert WEIGHTS[classes[0]].min() > 1 > WEIGHTS[classes[1:]].max()


def test_a_pair_of_frames_is_searched_once(smooth: Callable[..., np.ndarray]) -> None:
    search, calls = MotionSearch(16, *GRID, 0), []

    class Counted:
        fraction_bits = 0

        def vectors(self, current: np.ndarray, reference: np.ndarray) -> np.ndarray:
            calls.append(1)
            return search.vectors(current, reference)

    motion = GroupMotion(Counted(), [search.luma(smooth(64, 96, 1))] * 2)
    motion.predictable(1, 0)
    motion.vectors(1, 0)
    assert len(calls) == 1


def test_a_frame_between_two_others_takes_over_half_of_their_motion() -> None:
    calls: list[int] = []

    class Told:
        fraction_bits = 1

        def vectors(self, current: np.ndarray, reference: np.ndarray) -> np.ndarray:
            calls.append(1)
            return np.full((*GRID, 2), (-7, 4))

    blank = np.zeros((64, 96), np.uint8)
    motion = GroupMotion(Told(), [blank] * 5)
    motion.take_over(1, 0, 2)  # nobody knows how 0 and 2 move
    motion.search([(2, 0), (2, 4)], ALONE)
    motion.take_over(1, 0, 2)
    motion.take_over(3, 2, 4)
    assert len(calls) == 2
    for frame, past, future in ((1, 0, 2), (3, 2, 4)):
        one, other = motion.vectors(frame, past), motion.vectors(frame, future)
        assert np.array_equal(np.abs(one - other), np.full((*GRID, 2), (7, 4)))
        assert np.abs(np.abs(one) - (3.5, 2)).max() <= 0.5
    assert (motion.searched(1, 0) == (-7, 4)).all() and calls.pop()
    assert (motion.vectors(1, 0) <= [0, 2]).all() and (motion.vectors(3, 4) <= [0, 2]).all()
    assert len(calls) == 2
