"""Tasks that travel come back with the same name."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from videocodec.encoder.chunk_coder import ChunkTask, CodingPlan
from videocodec.encoder.chunk_file import chunk_name
from videocodec.encoder.chunks import Chunk
from videocodec.encoder.pace import Budget
from videocodec.encoder.peak_rate import FrameBits
from videocodec.encoder.settings import EncoderSettings
from videocodec.farm.task_file import (
    settings_from_json,
    settings_to_json,
    task_from_json,
    task_to_json,
)

SETTINGS = EncoderSettings(crf=50, preset="slow", generation=0.25, gop_size=30, tune="ssim")
PLANS = [
    CodingPlan(EncoderSettings()),
    CodingPlan(SETTINGS, keep=False),
    CodingPlan(SETTINGS, Budget(31.4159, (1234.567, 0.1, 3.0), 0.111111), maxrate=60000),
    CodingPlan(SETTINGS, carry=(FrameBits(-3, Fraction(8, 3)), FrameBits(7, Fraction(16)))),
]


@pytest.mark.parametrize("plan", PLANS)
def test_a_task_comes_back_as_it_was(plan: CodingPlan) -> None:
    task = ChunkTask(Chunk(3, 40, 17, True), (plan, PLANS[0]))
    back = task_from_json(json.loads(json.dumps(task_to_json(task))))
    assert back == task
    assert chunk_name(back) == chunk_name(task)


def test_settings_come_back_as_they_were() -> None:
    back = settings_from_json(json.loads(json.dumps(settings_to_json(SETTINGS))))
    assert back == SETTINGS
    assert repr(back) == repr(SETTINGS)
