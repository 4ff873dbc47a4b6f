"""How an aim moves with what a judge sees."""

from __future__ import annotations

import numpy as np
import pytest

from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.frame_coder import LatentFrame
from videocodec.encoder.aiming import CodedVersion, Look, better_aim

SHAPE = (4, 6, 8)
PICTURE = np.zeros((48, 64, 3), np.uint8)


def version(aim: np.ndarray, sent: np.ndarray) -> CodedVersion:
    frame = LatentFrame(
        np.rint(aim * 64).astype(np.int16), BlockFields.blank(3, 4, Mode.INTRA), 40, 0.0, 0.0
    )
    return CodedVersion(frame, np.full(SHAPE[1:], 40, np.uint8), sent)


class Judge:
    """Wants one more everywhere, and says what each look costs, if it is told."""

    def __init__(self, *costs: float) -> None:
        self.costs, self.aims = costs, []

    def code(self, aim: np.ndarray) -> CodedVersion:
        self.aims.append(float(aim[0, 0, 0]))
        return version(aim, np.ones(SHAPE[1:], bool))

    def look(self, aim: np.ndarray, coded: CodedVersion, shown: np.ndarray, of: int) -> Look:
        assert of == 5
        assert np.array_equal(coded.frame.latents, np.rint(aim * 64))
        return Look(aim + 1, self.cost(coded, shown))

    def cost(self, coded: CodedVersion, shown: np.ndarray) -> float | None:
        assert shown is PICTURE
        return self.costs[len(self.aims) - 1] if self.costs else None


def followed(judge: Judge) -> float:
    aim = better_aim(np.zeros(SHAPE, np.float32), PICTURE, 5, judge.code, judge)
    assert aim.dtype == np.float32 and np.ptp(aim) == 0
    return float(aim[0, 0, 0])


def test_a_judge_without_costs_is_followed() -> None:
    judge = Judge()
    assert followed(judge) == 5
    assert judge.aims == [0, 1, 2, 3, 4]


def test_the_cheapest_that_was_seen_is_taken() -> None:
    judge = Judge(10, 8, 7, 7.05, 7.02)
    assert followed(judge) == judge.aims[2]
    assert len(judge.aims) == 5  # a little worse may be the way to better


def test_the_last_look_counts() -> None:
    judge = Judge(10, 8, 7, 7.05, 6)
    assert followed(judge) == judge.aims[4]


def test_steps_are_long_at_first_and_keep_some_of_the_one_before() -> None:
    judge = Judge(5, 4, 3, 2, 1)
    followed(judge)
    steps = np.diff(judge.aims)
    assert steps[0] > 1.5 and steps[1] > steps[0] and (np.diff(steps)[1:] < 0).all()


def test_a_step_that_is_clearly_worse_is_halved_until_it_is_not() -> None:
    judge = Judge(10, 20, 12, 9, 30)
    first = judge.aims
    assert followed(judge) == first[3]
    assert np.allclose(np.array(first[1:4]) / first[1], [1, 0.5, 0.25])
    assert 1 < first[4] - first[3] < first[1]  # nothing is kept of what was taken back


def test_nothing_is_better_than_a_source_that_is_best() -> None:
    assert followed(Judge(10, 20, 12, 11, 10.5)) == 0


def test_without_rounds_the_source_is_aimed_at() -> None:
    source = np.zeros(SHAPE, np.float32)
    assert better_aim(source, PICTURE, 0, pytest.fail, None) is source
