"""Contact sheets of real ladders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from videocodec.ladder.add_metrics import add_metrics
from videocodec.ladder.api import ladder

pytestmark = pytest.mark.usefixtures("orders_here")

QUICK = {
    "codecs": ("x264", "svtav1"),
    "crf": {"x264": (20, 40), "svtav1": (30, 60)},
    "presets": {"x264": "ultrafast", "svtav1": "12"},
    "metrics": ("psnr",),
    "pictures": 1,
    "jobs": 2,
}


@pytest.fixture(scope="module")
def made(
    orders_here: None,
    tmp_path_factory: pytest.TempPathFactory,
    write_movie: Callable,
    portrait: Callable,
    written: Callable,
) -> tuple[Path, dict]:
    """A ladder of a face that moves beside letters: folder and results.  Not to be changed."""
    folder = tmp_path_factory.mktemp("sheets")
    frames = [np.hstack([portrait(80 + 3 * step), written("CODEC")]) for step in range(5)]
    clip = write_movie(folder / "talk.mp4", frames)
    return folder / "out", ladder([clip], folder / "out", **QUICK)


def picture(path: Path) -> np.ndarray:
    found = cv2.imread(str(path))
    assert found is not None, path
    return found


def test_a_sheet_for_each_of_two_rates_stands_beside_the_report(made: tuple[Path, dict]) -> None:
    folder, results = made
    assert sorted(path.name for path in (folder / "sheets").iterdir()) == [
        "talk-crf20.png",
        "talk-crf40.png",
    ]
    assert [entry["file"] for entry in results["sheets"]] == [
        "sheets/talk-crf40.png",
        "sheets/talk-crf20.png",
    ]
    stored = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert stored["sheets"] == results["sheets"]


def test_what_it_shows_follows_from_the_figures(made: tuple[Path, dict]) -> None:
    _, results = made
    records = {record["id"]: record for record in results["records"]}
    for entry in results["sheets"]:
        own, other = (records[name] for name in entry["records"])
        assert (own["codec"], other["codec"]) == ("x264", "svtav1")
        ratios = [
            abs(np.log(one["video_bytes"] / own["video_bytes"]))
            for one in records.values()
            if one["codec"] == "svtav1"
        ]
        assert abs(np.log(other["video_bytes"] / own["video_bytes"])) == min(ratios)
        assert entry["figure"] == "psnr_yuv"
        worse = min(own, other, key=lambda one: one["quality"]["psnr_yuv"]["mean"])
        assert entry["median_codec"] == worse["codec"]
        values = worse["frames"]["psnr_yuv"]
        ranks = {rank: int(index) for index, rank in entry["frames"].items()}
        assert values[ranks["worst"]] == min(values)
        assert values[ranks["best"]] == max(values)
        assert values[ranks["median"]] == sorted(values)[2]


def test_the_pictures_are_those_that_were_decoded(made: tuple[Path, dict]) -> None:
    folder, results = made
    entry = results["sheets"][0]
    sheet = picture(folder / entry["file"])
    index = next(iter(entry["frames"]))
    files = list((folder / "cache" / "encodes").glob(f"*x264*crf40*/frame-{index}.png"))
    decoded = picture(files[0])
    match = cv2.matchTemplate(sheet, decoded, cv2.TM_SQDIFF)
    assert match.min() == 0
    left = cv2.minMaxLoc(match)[2][0]
    assert left == 12 + decoded.shape[1] + 6  # the second column


def test_without_sheets_nothing_is_written(
    made: tuple[Path, dict], tmp_path: Path, clip_path: Path
) -> None:
    one = {"codecs": ("x264",), "crf": {"x264": (40,)}, "presets": {"x264": "ultrafast"}}
    results = ladder([clip_path], tmp_path / "out", **{**QUICK, **one}, sheets=0)
    assert results["sheets"] == []
    assert not (tmp_path / "out" / "sheets").exists()


def test_another_metric_may_change_the_frames_and_nothing_is_left(
    made: tuple[Path, dict], tmp_path: Path
) -> None:
    shutil.copytree(made[0], tmp_path / "out")
    (tmp_path / "out" / "sheets" / "talk-crf99.png").write_bytes(b"of an earlier run")
    results = add_metrics(tmp_path / "out", ["ssimulacra2"], jobs=2)
    assert {entry["figure"] for entry in results["sheets"]} == {"ssimulacra2"}
    assert len(results["sheets"]) == 2
    assert {f"sheets/{path.name}" for path in (tmp_path / "out" / "sheets").iterdir()} == {
        entry["file"] for entry in results["sheets"]
    }


def test_a_sheet_whose_encode_is_gone_is_a_note(made: tuple[Path, dict], tmp_path: Path) -> None:
    shutil.copytree(made[0], tmp_path / "out")
    for file in (tmp_path / "out" / "cache" / "encodes").glob("*x264*crf40*/*"):
        if file.suffix == ".png" or file.name == "coded.mp4":
            file.unlink()
    results = add_metrics(tmp_path / "out", ["psnr"], jobs=1)
    assert [entry["rung"] for entry in results["sheets"]] == ["crf_20"]
    assert any(
        note.startswith("no contact sheet with talk/x264/crf_40") for note in results["notes"]
    )
