"""Files that were cut, and what concealed pictures are worth, as tools/bench/damage.py measures
them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tools.bench.damage_concealment import measure_quality
from tools.bench.damage_cuts import run_cuts, without_tables
from tools.bench.damaged_clips import coded_clip


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return coded_clip(tmp_path_factory.mktemp("damage"), frames=24, gop_size=9)


def test_cuts_lose_nothing_that_is_there(coded: Path, tmp_path: Path) -> None:
    for path in (coded, without_tables(coded, tmp_path / "n.lv.mp4")):
        found = run_cuts(path, coded, 4)
        assert found.recovered == found.possible > 0 and found.wrong == found.unclear == 0


def test_quality_is_measured(coded: Path) -> None:
    (found,) = measure_quality(coded, [4], places=2, pictures_each=2)
    assert found.pictures == 4 and found.interpolated > found.grey and np.isfinite(found.repeated)
