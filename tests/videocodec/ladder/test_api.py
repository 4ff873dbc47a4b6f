"""``ladder`` from clips to files."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from videocodec.errors import ComparisonError, OutputError
from videocodec.ladder.api import _alone, ladder
from videocodec.ladder.clips import Clip
from videocodec.ladder.codecs import codec_named, own
from videocodec.ladder.jobs import Job, Rung
from videocodec.ladder.runner import LadderProgress
from videocodec.models.bundle import ModelBundle

from .conftest import FRAMES, LADDER, SmallLadder, has, needs_bjontegaard, needs_program

ROOT = Path(__file__).resolve().parents[3]
QUICK = {
    "codecs": ("x264",),
    "crf": (30, 40),
    "presets": {"x264": "ultrafast"},
    "metrics": ("psnr",),
    "pictures": 1,
    "jobs": 1,
}


def finished(folder: Path) -> dict[str, int]:
    """Every encode that is finished, by name, with the time its file was written."""
    files = [
        file
        for file in (folder / "cache" / "encodes").glob("*/coded.mp4")
        if not file.parent.name.startswith(".part")
    ]
    return {file.parent.name: file.stat().st_mtime_ns for file in files}


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
        assert one["encode_peak_bytes"] > one["idle_bytes"] > 10_000_000

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


class TestAgain:
    def test_a_second_run_encodes_nothing_and_finds_the_same(
        self, small_ladder: SmallLadder, clip_path: Path
    ) -> None:
        before = finished(small_ladder.folder)
        again = ladder([clip_path], small_ladder.folder, resolutions=(1, 0.5), **LADDER)
        assert finished(small_ladder.folder) == before
        assert again["records"] == small_ladder.results["records"]

    def test_another_metric_is_measured_without_encoding(
        self, clip_path: Path, tmp_path: Path
    ) -> None:
        ladder([clip_path], tmp_path / "out", **QUICK)
        before = finished(tmp_path / "out")
        more = ladder([clip_path], tmp_path / "out", **QUICK | {"metrics": ("psnr", "ssim")})
        assert finished(tmp_path / "out") == before
        assert all(
            set(record["quality"]) == {"psnr_y", "psnr_yuv", "ssim"} for record in more["records"]
        )

    def test_other_settings_are_other_encodes(self, clip: Clip) -> None:
        job = Job(clip, codec_named("x264"), Rung("crf", 30), "fast", 250, 1, "embedded")
        changes = [
            {"codec": codec_named("x265")},
            {"rung": Rung("crf", 31)},
            {"rung": Rung("bitrate", 30)},
            {"rung": Rung("crf", 30, 0.5)},
        ]
        changes += [
            {"preset": "slow"},
            {"gop_size": 4},
            {"threads": 2},
            {"clip": replace(clip, sha256="of other frames")},
        ]
        assert len({job.key, *(replace(job, **change).key for change in changes)}) == 9
        assert replace(job, sought="vmaf=60", clip=replace(clip, name="renamed")).key == job.key

    def test_the_model_and_the_sources_of_this_codec_are_among_what_counts(
        self, clip: Clip
    ) -> None:
        versions = Job(
            clip, codec_named("videocodec"), Rung("crf", 30), "medium", 250, 1, "embedded"
        ).depends_on()["versions"]
        assert len(versions["model_sha256"]) == len(versions["sources"]) == 64

    def test_so_are_the_libraries_that_convert_colours_and_run_networks(
        self, clip: Clip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = Job(clip, codec_named("videocodec"), Rung("crf", 30), "medium", 250, 1, "embedded")
        keys = {job.key}
        for library in ("torch", "diffusers", "av"):
            monkeypatch.setattr(
                own,
                "version",
                lambda name, upgraded=library: "0" if name == upgraded else version(name),
            )
            keys.add(job.key)
        assert len(keys) == 4

    @pytest.mark.slow
    @pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
    def test_after_a_kill_nothing_finished_is_encoded_again(
        self, clip_path: Path, tmp_path: Path
    ) -> None:
        command = [
            sys.executable,
            "-m",
            "videocodec",
            "ladder",
            clip_path,
            "--output",
            tmp_path / "out",
            "--codecs",
            "x264",
            "--jobs",
            "1",
        ]
        command += ["--crf", "24,28,32,36,40", "--metrics", "psnr", "--pictures", "1"]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        }
        running = subprocess.Popen(
            [str(word) for word in command],
            env=environment,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            until = time.monotonic() + 120
            while len(finished(tmp_path / "out")) < 2 and time.monotonic() < until:
                time.sleep(0.01)
        finally:
            running.send_signal(signal.SIGKILL)
            running.wait()
        before = finished(tmp_path / "out")
        assert 2 <= len(before) < 5
        done = subprocess.run(
            [str(word) for word in command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        after = finished(tmp_path / "out")
        assert len(after) == 5
        assert {name: after[name] for name in before} == before
        assert not list((tmp_path / "out" / "cache" / "encodes").glob(".part-*"))

    @pytest.mark.skipif(os.name != "posix", reason="needs locks")
    def test_two_at_once_in_one_folder_are_refused(self, clip_path: Path, tmp_path: Path) -> None:
        (tmp_path / "out" / "cache").mkdir(parents=True)
        with (
            _alone(tmp_path / "out"),
            pytest.raises(OutputError, match="another ladder is at work in this folder"),
        ):
            ladder([clip_path], tmp_path / "out", **QUICK)
        assert [path.name for path in (tmp_path / "out").rglob("*")] == ["cache", "lock"]

    def test_what_a_killed_one_left_half_done_is_removed(self, tmp_path: Path) -> None:
        cache, kept = (
            tmp_path / "cache",
            (
                "encodes/a-1/encode.json",
                "encodes/a-1/frame-0.png",
                "clips/a-1/1.mp4",
                "clips/a-1/clip.json",
            ),
        )
        left = (
            "encodes/.part-x/coded.mp4",
            "encodes/a-1/decoded.yuv",
            "encodes/a-1/frame-1.part.png",
            "encodes/a-1/psnr-1.json.part77",
            "clips/b-2.part77/1.part77.mp4",
            "clips/a-1/0.5.part77.mp4",
            "clips/a-1/reference.yuv",
            "clips/a-1/reference.yuv.part77",
        )
        for name in (*kept, *left):
            (cache / name).parent.mkdir(parents=True, exist_ok=True)
            (cache / name).write_text("{}")
        (tmp_path / "results.json.part77").write_text("{")
        with _alone(tmp_path):
            found = {str(path.relative_to(cache)) for path in tmp_path.rglob("*") if path.is_file()}
        assert found == {*kept, "lock"}

    def test_a_failed_encode_is_tried_again(
        self, clip_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr("videocodec.ladder.codecs.x264.X264.smallest_side", 1000)
            first = ladder([clip_path], tmp_path / "out", **QUICK)
        assert {record["error"] for record in first["records"]} == {
            "x264 needs 1000 px a side or more, and this is 96x64"
        }
        assert (tmp_path / "out" / "report.html").exists()
        assert {
            record["error"] for record in ladder([clip_path], tmp_path / "out", **QUICK)["records"]
        } == {None}


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
            for option in ("lpips_weights", "perceptual"):
                with pytest.raises(ComparisonError, match=message):
                    ladder([clip_path], tmp_path / "out", **QUICK | {option: path})


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
        lpips_weights=lpips_weights,
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


def test_this_codec_may_look_through_weights_and_others_do_not(
    clip_path: Path, lpips_weights: Path, tmp_path: Path
) -> None:
    quick = QUICK | {
        "codecs": ("videocodec", "x264"),
        "crf": (50,),
        "presets": {"videocodec": "medium", "x264": "ultrafast"},
    }
    plain, judged = (
        ladder([clip_path], tmp_path / "out", **quick, max_frames=3, perceptual=path)
        for path in (None, lpips_weights)
    )
    assert (plain["settings"]["perceptual"], judged["settings"]["perceptual"]) == (
        None,
        lpips_weights.name,
    )
    for results, looks in ((plain, False), (judged, True)):
        ours, theirs = results["records"]
        assert (
            ours["error"] is None and (f"--perceptual={lpips_weights}" in ours["command"]) == looks
        )
        assert "perceptual" not in theirs["command"]
    assert plain["records"][0]["key"] != judged["records"][0]["key"]
    assert plain["records"][1]["key"] == judged["records"][1]["key"]
