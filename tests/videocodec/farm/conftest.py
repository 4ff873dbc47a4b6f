"""A short video with sound and plans of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from videocodec.encoder.request import RateGoal
from videocodec.encoder.settings import EncoderSettings
from videocodec.farm.plan import FarmPlan
from videocodec.farm.planning import PlanRequest, make_plan

from .choices import GOP_SIZE, PRESET


@pytest.fixture(scope="session")
def movie(
    tmp_path_factory: pytest.TempPathFactory,
    write_movie: Callable[..., Path],
    panned: Callable[..., list[np.ndarray]],
) -> Path:
    """14 frames of 48×32, with sound."""
    path = tmp_path_factory.mktemp("farm") / "movie.mp4"
    return write_movie(path, panned(14, 32, 48, (0, 1)), sound_seconds=0.5)


@pytest.fixture(scope="session")
def planned(movie: Path) -> Callable[..., FarmPlan]:
    """planned(crf=40, bitrate=None, maxrate=None) → a plan of it, of 4 chunks."""

    def plan(crf: int = 40, bitrate: float | None = None, maxrate: float | None = None) -> FarmPlan:
        settings = EncoderSettings(crf=crf, gop_size=GOP_SIZE, preset=PRESET)
        goal = RateGoal.checked(bitrate, None, maxrate)
        return make_plan(PlanRequest(movie, settings, goal, model="embedded"))

    return plan
