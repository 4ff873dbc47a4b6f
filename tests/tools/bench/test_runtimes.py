"""The benchmark of runtimes: PyTorch's layouts give the same pictures, and what is not installed
says why it is left out.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tools.bench import runtimes
from tools.bench.results import Results


def test_layouts_agree_and_missing_runtimes_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", absent)
    options = ["--models", "second", "--size", "64x48", "--runs", "1"]
    assert runtimes.main([*options, "--results", str(tmp_path / "a.json")]) == 0
    found = Results.from_json((tmp_path / "a.json").read_text())
    rows = {row[0]: row[1:] for row in found.tables["second"].rows}
    assert len(rows) == 6
    taken, faster, mean, most, why = rows["PyTorch, channels_last"]
    assert taken > 0 and faster > 0 and mean < 0.01 and most <= 1 and why == ""
    assert rows[runtimes.REFERENCE][1:4] == [1, 0, 0]
    assert rows["OpenVINO, int8"] == [None] * 4 + [
        "ModuleNotFoundError: No module named 'openvino'"
    ]
