"""How an aim moves with what a judge sees."""

from __future__ import annotations

import numpy as np
import pytest

from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.frame_coder import LatentFrame
from videocodec.encoder.aiming import CodedVersion, better_aim

SHAPE = (4, 6, 8)


def version(aim: np.ndarray, sent: np.ndarray) -> CodedVersion:
    frame = LatentFrame(
        np.rint(aim * 64).astype(np.int16), BlockFields.blank(3, 4, Mode.INTRA), 40, 0.0, 0.0
    )
    return CodedVersion(frame, np.full(SHAPE[1:], 40, np.uint8), sent)


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_every_round_codes_the_aim_of_the_one_before(rounds: int) -> None:
    source, picture = np.zeros(SHAPE, np.float32), np.zeros((48, 64, 3), np.uint8)
    aims: list[np.ndarray] = []

    def code(aim: np.ndarray) -> CodedVersion:
        aims.append(aim)
        return version(aim, np.ones(SHAPE[1:], bool))

    class Judge:
        def nearer(
            self, aim: np.ndarray, coded: CodedVersion, shown: np.ndarray, of: int
        ) -> np.ndarray:
            assert shown is picture and of == rounds
            assert aim is aims[-1] and np.array_equal(coded.frame.latents, np.rint(aim * 64))
            return aim + 1

    aim = better_aim(source, picture, rounds, code, Judge())
    assert len(aims) == rounds and aims[0] is source
    assert np.all(aim == rounds)


def test_without_rounds_the_source_is_aimed_at() -> None:
    source = np.zeros(SHAPE, np.float32)
    assert better_aim(source, np.zeros((48, 64, 3), np.uint8), 0, pytest.fail, None) is source
