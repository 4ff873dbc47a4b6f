"""tools/bench/rate.py: what it calls hit and out of reach."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_rate_within_reach_is_hit_and_one_beyond_is_named(
    run_tool: Callable, panned: Callable, write_movie: Callable, tmp_path: Path
) -> None:
    (tmp_path / "clips").mkdir()
    write_movie(tmp_path / "clips" / "pan.mp4", panned(20, 64, 96, (1, 2)))
    ran = run_tool("bench.rate", "--clips", tmp_path / "clips", "--bitrate", 12000, 100_000_000)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    near, far = [line for line in ran.stdout.splitlines() if line.startswith("| pan")]
    assert near.split(" | ")[2].endswith(" %") and "out of reach" in far


def test_one_of_the_two_forms_must_be_chosen(run_tool: Callable) -> None:
    ran = run_tool("bench.rate")
    assert ran.returncode == 2 and "give either --clips or --jobs" in ran.stderr
