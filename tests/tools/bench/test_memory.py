"""The benchmark of memory: random streams are decoded, and their peak lies below the bound."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools.bench.memory import main
from tools.bench.results import Results


@pytest.mark.skipif(sys.platform != "linux", reason="peaks of processes are read from /proc")
@pytest.mark.parametrize("model", ["embedded", "second"])
def test_a_decode_stays_below_what_info_says(tmp_path: Path, model: str) -> None:
    options = ["--sizes", "128x96", "--group", "2", "--threads", "1", "--model", model]
    assert main([*options, "--results", str(tmp_path / "a.json")]) == 0
    (row,) = Results.from_json((tmp_path / "a.json").read_text()).tables["peaks"].rows
    name, size, frames, stream, peak, bound, seconds = row
    assert (name, size, frames) == ("random 128x96.lv.mp4", "128x96", 3)
    assert 0.1 < peak < bound and stream > 0.001 and seconds > 0
