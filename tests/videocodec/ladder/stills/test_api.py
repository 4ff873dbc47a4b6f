"""A ladder of still pictures as a whole."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from videocodec.errors import ComparisonError, InputError
from videocodec.ladder.stills import codecs
from videocodec.ladder.stills.api import still_ladder
from videocodec.ladder.stills.schema import StillRecord
from videocodec.models.bundle import ModelBundle
from videocodec.models.files import has_upscaler

from .conftest import QUICK, StillLadder


def records_of(made: StillLadder, codec: str) -> list[StillRecord]:
    return [one for one in made.results["records"] if one["codec"] == codec]


def times_of_encodes(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("coded.*")}


def test_targets_are_halved_until_no_codec_goes_on(still_ladder_made: StillLadder) -> None:
    targets = still_ladder_made.results["targets"]
    assert targets[:4] == [2000, 1000, 500, 250]
    smallest = [one for one in still_ladder_made.results["records"] if one["target"] is None]
    assert {one["codec"] for one in smallest} == {"webp", "jpeg"}
    floor = min(one["picture_bytes"] for one in smallest)
    assert targets[-1] >= floor > targets[-1] // 2


@pytest.mark.parametrize("codec", ["webp", "jpeg"])
def test_bytes_are_at_most_the_target_and_quality_falls(
    still_ladder_made: StillLadder, codec: str
) -> None:
    rungs = [one for one in records_of(still_ladder_made, codec) if one["target"] is not None]
    assert len(rungs) >= 2
    assert all(one["picture_bytes"] <= one["target"] for one in rungs)
    qualities = [one["quality"]["psnr_y"] for one in rungs]
    assert qualities == sorted(qualities, reverse=True)
    assert qualities[0] > qualities[-1]


def test_the_file_is_counted_beside_the_picture(still_ladder_made: StillLadder) -> None:
    for one in still_ladder_made.results["records"]:
        coded = still_ladder_made.folder / one["coded"]
        assert coded.stat().st_size == one["file_bytes"] > one["picture_bytes"]


def test_targets_of_whole_files(picture_path: Path, tmp_path: Path) -> None:
    results = still_ladder([picture_path], tmp_path / "out", largest=600, count="file", **QUICK)
    rungs = [one for one in results["records"] if one["target"] is not None]
    assert rungs
    assert all(one["file_bytes"] <= one["target"] for one in rungs)


def test_pictures_are_shown_at_full_size(still_ladder_made: StillLadder) -> None:
    for one in still_ladder_made.results["records"]:
        assert cv2.imread(str(still_ladder_made.folder / one["decoded"])).shape == (48, 64, 3)
    widths = {one["width"] for one in still_ladder_made.results["records"]}
    assert widths == {64, 32}


def test_odd_sides_are_cut_and_that_is_said(still_ladder_made: StillLadder) -> None:
    picture = still_ladder_made.results["pictures"][0]
    assert (picture["width"], picture["height"]) == (64, 48)
    assert any("left out" in note for note in still_ladder_made.results["notes"])


def test_what_is_written(still_ladder_made: StillLadder) -> None:
    folder, results = still_ladder_made.folder, still_ladder_made.results
    assert json.loads((folder / "results.json").read_text()) == results
    assert len((folder / "results.csv").read_text().splitlines()) == 1 + len(results["records"])
    assert cv2.imread(str(folder / "sheets" / "disc.png")).shape[1] > 3 * 64


def test_it_goes_on_where_it_stopped(picture_path: Path, tmp_path: Path) -> None:
    first = still_ladder([picture_path], tmp_path / "out", largest=400, **QUICK)
    written = times_of_encodes(tmp_path / "out")
    again = still_ladder([picture_path], tmp_path / "out", largest=400, **QUICK)
    assert again["records"] == first["records"]
    assert {
        path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("coded.*")
    } == written


def test_our_own_codec_says_where_the_picture_comes_from(
    picture_path: Path, tmp_path: Path
) -> None:
    results = still_ladder(
        [picture_path],
        tmp_path / "out",
        codecs=("videocodec",),
        metrics=("psnr",),
        largest=150,
        resolutions=(0.5, 0.25),
    )
    assert len(results["records"]) >= 2
    for one in results["records"]:
        # What the model's network for twice the size shows was never sent at that size.
        by_network = one["resolution"] == 0.5 and has_upscaler(ModelBundle.find("second").folder)
        assert one["provenance"] == {
            "transmitted": float(not by_network),
            "predicted": 0.0,
            "generated": float(by_network),
            "concealed": 0.0,
        }
    smallest = results["records"][-1]
    assert smallest["target"] is None
    assert smallest["setting"] == 63
    assert "100 % transmitted" in (tmp_path / "out" / "report.html").read_text()


def test_a_codec_that_fails_is_a_record_with_its_error(
    picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object, task: object) -> None:
        raise OSError("no\nspace")

    monkeypatch.setattr(codecs.WebpStill, "encode", broken)
    results = still_ladder([picture_path], tmp_path / "out", largest=1000, **QUICK)
    errors = {one["codec"]: one["error"] for one in results["records"]}
    assert errors == {"webp": "no space", "jpeg": None}
    assert "no space" in (tmp_path / "out" / "report.html").read_text()


def test_a_codec_that_the_machine_lacks_is_left_out_and_that_is_said(
    picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in (codecs.AvifStill, codecs.JpegXlStill, codecs.OwnStill):
        monkeypatch.setattr(kind, "missing", lambda self: "it is not there")
    results = still_ladder(
        [picture_path], tmp_path / "out", largest=500, metrics=("psnr",), resolutions=(1,)
    )
    assert [one["name"] for one in results["codecs"]] == ["webp", "jpeg"]
    assert "JPEG XL is left out: it is not there" in results["notes"]
    with pytest.raises(ComparisonError, match="codec avif is not on this machine"):
        still_ladder([picture_path], tmp_path / "other", codecs=("avif",))


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"codecs": ("gif",)}, "unknown codec of pictures 'gif'"),
        ({"metrics": ("flicker",)}, "unknown metric 'flicker'"),
        ({"resolutions": (2,)}, "resolution 2 makes no sense"),
    ],
)
def test_what_makes_no_sense_is_refused(
    choice: dict, message: str, picture_path: Path, tmp_path: Path
) -> None:
    with pytest.raises(ComparisonError, match=message):
        still_ladder([picture_path], tmp_path / "out", **choice)
    assert not (tmp_path / "out").exists()


def test_only_pictures_of_different_names(picture_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ComparisonError, match="two pictures are called disc"):
        still_ladder([picture_path] * 2, tmp_path / "out", **QUICK)
    tiny = tmp_path / "tiny.png"
    cv2.imwrite(str(tiny), np.zeros((8, 40, 3), np.uint8))
    with pytest.raises(InputError, match="16 px a side or more"):
        still_ladder([tiny], tmp_path / "out", **QUICK)


def test_a_clip_is_refused(clip_path: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no still picture"):
        still_ladder([clip_path], tmp_path / "out", **QUICK)
