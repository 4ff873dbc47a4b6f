"""Sheets of the panel: this codec and SVT-AV1 at the same bytes."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from tools.bench import panel, panel_sheets
from videocodec.ladder.api import ladder
from videocodec.ladder.files import read_json
from videocodec.ladder.schema import LadderResults

from ...videocodec.ladder.workers_here import workers_here


@pytest.mark.parametrize(("count", "chosen"), [(1, [30]), (2, [20, 40]), (9, [10, 20, 30, 40])])
def test_rungs_are_evenly_spread_by_bitrate(count: int, chosen: list[int]) -> None:
    records = [{"bitrate_bps": rate} for rate in (40, 10, 30, 20)]
    assert [one["bitrate_bps"] for one in panel_sheets.evenly(records, count)] == chosen


def test_they_are_made_unless_declined() -> None:
    words = ["--clips", "somewhere", "--lpips", "weights"]
    assert not panel.parser().parse_args(words).no_sheets
    assert panel.parser().parse_args([*words, "--no-sheets"]).no_sheets


@pytest.mark.slow
def test_both_codecs_are_shown_at_about_the_same_bytes(
    tmp_path: Path, write_movie: Callable, panned: Callable
) -> None:
    clip = write_movie(tmp_path / "pan.mp4", panned(9, 96, 128, (1, 2)))
    args = Namespace(work=tmp_path, jobs=2, model="embedded")
    with workers_here():
        own = ladder(
            [clip],
            tmp_path / "own",
            codecs=("videocodec",),
            crf=(40,),
            metrics=("ssimulacra2",),
            max_frames=33,
            pictures=1,
            sheets=0,
        )["records"]
        files = panel_sheets.write(args, [clip], own)
    assert [file.name for file in files] == ["pan-crf40.png"]
    assert cv2.imread(str(files[0])) is not None
    results = read_json(tmp_path / "own" / "results.json", LadderResults)
    sizes = {record["id"]: record["video_bytes"] for record in results["records"]}
    for entry in results["sheets"]:
        ours, theirs = entry["records"]
        assert "videocodec" in ours and "svtav1" in theirs
        assert sizes[theirs] == pytest.approx(sizes[ours], rel=0.1)
