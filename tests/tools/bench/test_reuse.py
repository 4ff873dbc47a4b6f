"""The benchmark of reuse: shares of what is made, beside the time of whole pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tools.bench.results import Results
from tools.bench.reuse import main
from videocodec import encode


def test_of_a_still_scene_one_picture_is_made(tmp_path: Path, write_movie, texture, capsys) -> None:
    movie = write_movie(tmp_path / "a.mp4", np.stack([texture(32, 48, 3)] * 5))
    coded = tmp_path / "a.lv.mp4"
    encode(movie, coded, preset="superfast", device="cpu", threads=1, model="embedded")
    assert main([str(coded), "--frames", "4", "--results", str(tmp_path / "a.json")]) == 0
    (row,) = Results.from_json((tmp_path / "a.json").read_text()).tables["reuse"].rows
    assert row[0] == "a.lv.mp4" and row[1] == 0 and row[2] == 1
    assert "times as fast" in capsys.readouterr().out
