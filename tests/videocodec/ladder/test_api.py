"""``ladder`` from clips to files."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from videocodec.errors import ComparisonError, OutputError
from videocodec.ladder.api import ladder
from videocodec.ladder.progress import LadderProgress
from videocodec.models.bundle import ModelBundle

from .conftest import FRAMES, QUICK, SmallLadder, has, needs_bjontegaard, needs_program

pytestmark = pytest.mark.usefixtures("orders_here")

ROOT = Path(__file__).resolve().parents[3]


def pick(records: list[dict], codec: str, scale: float = 1) -> list[dict]:
    return sorted(
        (r for r in records if r["codec"] == codec and r["scale"] == scale),
        key=lambda r: r["value"],
    )


class TestRecords:
    def test_there_is_one_for_every_codec_rung_and_resolution(
        self, small_ladder: SmallLadder
    ) -> None:
        records = small_ladder.results["records"]
        assert len(records) == 3 * 3 * 2
        assert len({record["id"] for record in records}) == len(records)

    def test_what_a_codec_refuses_is_a_row_with_its_error(self, small_ladder: SmallLadder) -> None:
        failed = [
            record for record in small_ladder.results["records"] if record["error"] is not None
        ]
        assert {(record["codec"], record["scale"]) for record in failed} == {("svtav1", 0.5)}
        assert {record["error"] for record in failed} == {
            "svtav1 needs 64 px a side or more, and this is 48x32"
        }

    def test_they_say_how_they_were_made(self, small_ladder: SmallLadder) -> None:
        one = pick(small_ladder.results["records"], "x264")[0]
        assert "-preset medium" in one["command"] and "-crf 24" in one["command"]
        assert one["versions"]["encoder"] == "libx264"
        assert one["passes"] == 1
        assert (
            one["video_bytes"]
            == sum(one["frame_bytes"])
            == round(one["bitrate_bps"] * FRAMES / 25 / 8)
        )
        coded = (
            next((small_ladder.folder / "cache" / "encodes").glob(f"*-{one['key'][:16]}"))
            / "coded.mp4"
        )
        assert one["container_bytes"] == coded.stat().st_size - one["video_bytes"]
        for figure in (
            "encode_seconds",
            "encode_cpu_seconds",
            "decode_seconds",
            "encode_fps",
            "decode_fps",
        ):
            assert one[figure] >= 0
        assert one["encode_peak_bytes"] >= one["idle_bytes"] > 10_000_000

    def test_quality_and_bytes_fall_with_crf(self, small_ladder: SmallLadder) -> None:
        for codec, scale in (("x264", 1), ("x265", 1), ("svtav1", 1), ("x264", 0.5)):
            ladder_of = pick(small_ladder.results["records"], codec, scale)
            for figure in ("psnr_y", "psnr_yuv", "ssim", "xpsnr"):
                means = [record["quality"][figure]["mean"] for record in ladder_of]
                assert means == sorted(means, reverse=True) and len(set(means)) == 3
            assert (
                ladder_of[0]["video_bytes"]
                > ladder_of[1]["video_bytes"]
                > ladder_of[2]["video_bytes"]
            )

    @needs_program
    def test_vmaf_falls_down_the_ladder(self, small_ladder: SmallLadder) -> None:
        for codec in ("x264", "x265", "svtav1"):
            means = [
                record["quality"]["vmaf"]["mean"]
                for record in pick(small_ladder.results["records"], codec)
            ]
            assert means[0] > means[1] > means[2]

    def test_summaries_are_of_the_frames(self, small_ladder: SmallLadder) -> None:
        for record in small_ladder.results["records"]:
            for figure in small_ladder.results["figures"] if record["error"] is None else ():
                values = [
                    np.nan if value is None else value for value in record["frames"][figure["name"]]
                ]
                found, sign = (
                    record["quality"][figure["name"]],
                    1 if figure["higher_is_better"] else -1,
                )
                assert len(values) == FRAMES
                assert found["mean"] == pytest.approx(np.nanmean(values))
                assert (
                    found["worst"]
                    == values[found["worst_frame"]]
                    == sign * np.nanmin(sign * np.array(values))
                )
                assert sign * found["worst"] <= sign * found["p5"] <= sign * found["mean"] + 1e-9

    def test_what_was_not_measured_is_said_with_its_reason(self, small_ladder: SmallLadder) -> None:
        missing = {row["metric"]: row["reason"] for row in small_ladder.results["not_measured"]}
        assert missing["lpips"] == "no weights: give --lpips-weights FILE.safetensors"
        assert "dists" in missing
        if has("imageio_ffmpeg"):
            assert missing["ms_ssim"].startswith("its five scales need 176 px")


class TestFiles:
    def test_json_holds_what_was_returned(self, small_ladder: SmallLadder) -> None:
        assert json.loads((small_ladder.folder / "results.json").read_text()) == json.loads(
            json.dumps(small_ladder.results)
        )

    def test_its_schema_is_in_the_docs(self, small_ladder: SmallLadder) -> None:
        text = (ROOT / "docs" / "ladder.md").read_text()
        named = set(re.findall(r"`(\w+)`", text))
        one = pick(small_ladder.results["records"], "x264")[0]
        for part in (
            small_ladder.results,
            one,
            small_ladder.results["analysis"],
            small_ladder.results["clips"][0],
            one["quality"]["psnr_y"],
        ):
            fields = {name for name in part if name not in one["quality"]}
            assert fields <= named, fields - named

    def test_csv_has_a_line_for_every_encode(self, small_ladder: SmallLadder) -> None:
        with (small_ladder.folder / "results.csv").open() as file:
            rows = {row["id"]: row for row in csv.DictReader(file)}
        for record in small_ladder.results["records"]:
            row = rows[record["id"]]
            assert row["error"] == (record["error"] or "")
            if record["error"] is None:
                assert float(row["psnr_y"]) == record["quality"]["psnr_y"]["mean"]
                assert int(row["psnr_y_worst_frame"]) == record["quality"]["psnr_y"]["worst_frame"]

    @pytest.mark.skipif(not has("matplotlib"), reason="needs the package matplotlib")
    def test_plots_are_drawn_as_png_and_svg(self, small_ladder: SmallLadder) -> None:
        for figure in small_ladder.results["figures"]:
            assert (
                (small_ladder.folder / "plots" / f"pan-{figure['name']}.png")
                .read_bytes()
                .startswith(b"\x89PNG")
            )
            assert (
                "<svg"
                in (small_ladder.folder / "plots" / f"pan-{figure['name']}.svg").read_text()[:600]
            )

    def test_no_raw_frames_are_left(self, small_ladder: SmallLadder) -> None:
        assert not list(small_ladder.folder.rglob("*.yuv"))
        assert not list(small_ladder.folder.rglob("*part*"))


@pytest.mark.slow
class TestTargets:
    def test_the_crf_for_a_quality_is_found(self, clip_path: Path, tmp_path: Path) -> None:
        settings = {name: value for name, value in QUICK.items() if name != "crf"}
        results = ladder([clip_path], tmp_path / "out", **settings, targets={"psnr_y": 33})
        (found,) = results["targets"]
        assert found["reached"]
        record = next(record for record in results["records"] if record["id"] == found["record"])
        assert record["quality"]["psnr_y"]["mean"] == pytest.approx(found["value"])
        others = [abs(one["quality"]["psnr_y"]["mean"] - 33) for one in results["records"]]
        assert abs(found["value"] - 33) == min(others)
        assert {one["sought"] for one in results["records"]} == {"psnr_y=33"}
        assert 2 <= len(results["records"]) <= 8

    def test_one_out_of_reach_says_so(self, clip_path: Path, tmp_path: Path) -> None:
        settings = {name: value for name, value in QUICK.items() if name != "crf"}
        (found,) = ladder([clip_path], tmp_path / "out", **settings, targets={"psnr_y": 5})[
            "targets"
        ]
        assert not found["reached"]
        assert "pan, x264: psnr_y=5 is out of reach; nearest crf 51" in found["text"]


def test_clips_with_the_same_frames_have_encodes_of_their_own(
    clip_path: Path, tmp_path: Path
) -> None:
    twin = shutil.copy(clip_path, tmp_path / "twin.mp4")
    records = ladder([clip_path, twin], tmp_path / "out", **QUICK)["records"]
    assert [(record["clip"], record["value"]) for record in records] == [
        (name, crf) for name in ("pan", "twin") for crf in (40, 30)
    ]
    assert [record["video_bytes"] for record in records[:2]] == [
        record["video_bytes"] for record in records[2:]
    ]


def test_a_model_may_be_a_folder_beside(
    clip_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ModelBundle.find("embedded").folder, tmp_path / "own")
    monkeypatch.chdir(tmp_path)
    quick = QUICK | {"codecs": ("videocodec",), "crf": (50,), "presets": {"videocodec": "fast"}}
    results = ladder([clip_path], "out", model="./own", **quick)
    (record,) = results["records"]
    assert record["error"] is None and record["versions"]["model"] == "own"
    assert results["settings"]["model"] == "./own"


def test_progress_ends_complete_and_knows_the_time_left(clip_path: Path, tmp_path: Path) -> None:
    seen: list[LadderProgress] = []
    ladder([clip_path], tmp_path / "out", **QUICK, progress=seen.append)
    assert [(now.done, now.total, now.failed) for now in seen] == [(0, 2, 0), (1, 2, 0), (2, 2, 0)]
    assert seen[0].seconds_left is None
    assert seen[1].seconds_left > seen[2].seconds_left == 0


class TestRefusals:
    def test_a_folder_of_something_else_is_left_alone(
        self, clip_path: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "precious.txt").write_text("mine")
        with pytest.raises(OutputError, match="holds something else than a ladder"):
            ladder([clip_path], tmp_path, **QUICK)
        assert [file.name for file in tmp_path.iterdir()] == ["precious.txt"]

    def test_weights_that_are_none_are_refused(self, clip_path: Path, tmp_path: Path) -> None:
        (tmp_path / "weights").write_bytes(b"not weights at all")
        for path, message in (
            (tmp_path / "weights", "no safetensors file"),
            (tmp_path / "absent", "no such file"),
        ):
            for option in ({"metric_files": {"lpips-weights": path}}, {"perceptual": path}):
                with pytest.raises(ComparisonError, match=message):
                    ladder([clip_path], tmp_path / "out", **QUICK | option)

    def test_a_file_that_no_metric_takes_is_refused(self, clip_path: Path, tmp_path: Path) -> None:
        with pytest.raises(ComparisonError, match="no metric takes 'lpips': choose from lpips-we"):
            ladder([clip_path], tmp_path / "out", **QUICK, metric_files={"lpips": tmp_path})

    def test_a_setting_that_there_is_not_is_refused(self, clip_path: Path, tmp_path: Path) -> None:
        with pytest.raises(TypeError, match="ladder has no setting 'speed'"):
            ladder([clip_path], tmp_path / "out", **QUICK, speed=3)


@pytest.mark.slow
@needs_bjontegaard
def test_this_codec_beside_another(
    write_movie: Callable[..., Path],
    panned: Callable[..., list],
    lpips_weights: Path,
    tmp_path: Path,
) -> None:
    source = write_movie(tmp_path / "short.mp4", panned(4, 64, 96, (1, 2)))
    results = ladder(
        [source],
        tmp_path / "out",
        codecs=("videocodec", "x264"),
        bitrates=(30_000, 60_000, 120_000),
        metrics=("psnr", "lpips"),
        presets={"videocodec": "ultrafast", "x264": "ultrafast"},
        metric_files={"lpips-weights": lpips_weights},
        pictures=1,
        jobs=1,
    )
    assert [record["error"] for record in results["records"]] == [None] * 6
    ours = results["records"][0]
    assert len(ours["versions"]["model_sha256"]) == 64
    assert ours["command"].startswith("videocodec encode ") and "--bitrate=30000" in ours["command"]
    assert results["analysis"]["reference"] == "x264"
    assert results["codecs"][0]["decoder_bytes"]["model"] > 1_000_000
    assert [speed["codec"] for speed in results["speeds"]] == ["videocodec", "x264"]
    assert results["speeds"][1]["keeps_rule"]
