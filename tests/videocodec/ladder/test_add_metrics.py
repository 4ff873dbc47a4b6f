"""Finished encodes scored with further metrics."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from videocodec.errors import ComparisonError
from videocodec.ladder.add_metrics import add_metrics
from videocodec.ladder.api import ladder

from .conftest import QUICK, finished

pytestmark = pytest.mark.usefixtures("orders_here")


def test_nothing_is_encoded_again_even_by_another_version(
    clip_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ladder([clip_path], tmp_path / "made", **QUICK)
    shutil.move(tmp_path / "made", tmp_path / "out")  # a folder may move
    before = finished(tmp_path / "out")
    earlier = json.loads((tmp_path / "out" / "results.json").read_text())
    monkeypatch.setattr("videocodec.ladder.jobs.ENCODE_VERSION", 99)
    more = add_metrics(tmp_path / "out", ["ssim", "ssimulacra2"], jobs=1)
    assert finished(tmp_path / "out") == before
    for record, old in zip(more["records"], earlier["records"], strict=True):
        assert set(record["quality"]) == {"psnr_y", "psnr_yuv", "ssim", "ssimulacra2"}
        assert record["quality"]["psnr_y"] == old["quality"]["psnr_y"]
        assert record["key"] == old["key"]
    names = [figure["name"] for figure in more["figures"]]
    assert names == ["ssimulacra2", "psnr_y", "psnr_yuv", "ssim"]
    assert {row["metric"] for row in more["not_measured"]}.isdisjoint({"ssim", "ssimulacra2"})
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == json.loads(
        json.dumps(more)
    )
    assert "ssimulacra2" in (tmp_path / "out" / "results.csv").read_text().splitlines()[0]


def test_an_encode_that_is_gone_keeps_its_figures_and_says_so(
    clip_path: Path, tmp_path: Path
) -> None:
    ladder([clip_path], tmp_path / "out", **QUICK)
    shutil.rmtree(next((tmp_path / "out" / "cache" / "encodes").glob("*crf30*")))
    coarse, fine = add_metrics(tmp_path / "out", ["ssim"], jobs=1)["records"]
    assert set(coarse["quality"]) == {"psnr_y", "psnr_yuv", "ssim"}
    assert set(fine["quality"]) == {"psnr_y", "psnr_yuv"}
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert any("the encode is gone" in row["reason"] for row in results["not_measured"])


def test_a_folder_without_results_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ComparisonError, match=r"has no results\.json: finish a ladder there first"):
        add_metrics(tmp_path, ["ssim"])
