"""Stages of encoding are functions that there are, and what no stage has is all else."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tools.bench.encoding import STAGES, WHOLE, stage_seconds
from tools.bench.results import ROOT

FUNCTIONS = [one for ends in STAGES.values() for one in ends]


@pytest.mark.parametrize(("end", "name"), FUNCTIONS)
def test_a_stage_is_a_function_there_is(end: str, name: str) -> None:
    files = [
        path
        for package in ("bitstream", "videocodec")
        for path in (ROOT / package).rglob(Path(end).name)
        if path.as_posix().endswith(end)
    ]
    assert len(files) == 1
    assert f"def {name}(" in files[0].read_text()


def test_the_whole_is_one_function_that_there_is() -> None:
    """Were there two of that name, one in the other, all else would have its time twice."""
    end, name = WHOLE
    assert (ROOT / "videocodec" / end).read_text().count(f"def {name}(") == 1


def test_what_no_stage_has_is_all_else() -> None:
    def entry(cumulative: float) -> tuple[int, int, float, float, dict[Any, Any]]:
        return 1, 1, 0.0, cumulative, {}

    profile: Any = SimpleNamespace(
        stats={
            ("/x/videocodec/encoder/chunk_coder.py", 3, "code"): entry(10.0),
            ("/x/videocodec/encoder/tuning.py", 3, "look"): entry(2.0),
            ("/x/videocodec/encoder/tuning.py", 9, "cost"): entry(1.0),
            ("/x/videocodec/encoder/tuning.py", 20, "other"): entry(7.0),
            ("/x/bitstream/v2/prediction.py", 3, "predict_frame"): entry(0.5),
        }
    )
    seconds = stage_seconds(profile)
    assert seconds["looks at keyframes"] == 3.0 and seconds["exact predictions"] == 0.5
    assert seconds["all else"] == 6.5
    assert set(seconds) == {*STAGES, "all else"}
