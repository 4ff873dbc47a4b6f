"""How an aim moves with what a judge sees."""

from __future__ import annotations

import numpy as np
import pytest

from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.frame_coder import LatentFrame
from videocodec.encoder.aiming import CodedVersion, better_aim

SHAPE = (4, 6, 8)
STEP, REACH = 0.5, 0.1


def version(aim: np.ndarray, sent: np.ndarray) -> CodedVersion:
    frame = LatentFrame(
        np.rint(aim * 64).astype(np.int16), BlockFields.blank(3, 4, Mode.INTRA), 40, 0.0, 0.0
    )
    return CodedVersion(frame, np.full(SHAPE[1:], 40, np.uint8), sent)


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_it_goes_against_the_gradient_as_far_as_its_reach_and_only_where_latents_are_sent(
    rounds: int,
) -> None:
    rng = np.random.default_rng(0)
    source, picture = rng.normal(0, 1, SHAPE).astype(np.float32), np.zeros((48, 64, 3), np.uint8)
    slope = np.sign(rng.normal(0, 1, SHAPE)).astype(np.float32)
    sent = rng.random(SHAPE[1:]) < 0.5
    aims: list[np.ndarray] = []

    def code(aim: np.ndarray) -> CodedVersion:
        aims.append(aim)
        return version(aim, sent)

    def judge(coded: CodedVersion, shown: np.ndarray) -> np.ndarray:
        assert shown is picture
        assert np.array_equal(coded.frame.latents, np.rint(aims[-1] * 64))
        return slope

    aim = better_aim(source, picture, STEP, REACH, rounds, code, judge)
    assert len(aims) == rounds and aims[0] is source
    assert aim.dtype == np.float32
    assert aim - source == pytest.approx(-REACH * STEP * slope * sent, abs=1e-6)


def test_without_rounds_the_source_is_aimed_at() -> None:
    source = np.zeros(SHAPE, np.float32)
    assert (
        better_aim(
            source, np.zeros((48, 64, 3), np.uint8), STEP, REACH, 0, pytest.fail, pytest.fail
        )
        is source
    )
