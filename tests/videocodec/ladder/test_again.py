"""A ladder run again in its folder: what is finished is found, what was left is removed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from videocodec.errors import OutputError
from videocodec.ladder.api import ladder
from videocodec.ladder.clips import Clip
from videocodec.ladder.codecs import codec_named, own
from videocodec.ladder.folder import alone
from videocodec.ladder.jobs import Job, Rung

from .conftest import LADDER, QUICK, SmallLadder, finished

pytestmark = pytest.mark.usefixtures("orders_here")

ROOT = Path(__file__).resolve().parents[3]


class TestAgain:
    def test_a_second_run_encodes_nothing_and_finds_the_same(
        self, small_ladder: SmallLadder, clip_path: Path, tmp_path: Path
    ) -> None:
        folder = tmp_path / "out"  # a run writes the results anew, which others read
        shutil.copytree(small_ladder.folder, folder)
        before = finished(folder)
        again = ladder([clip_path], folder, resolutions=(1, 0.5), **LADDER)
        assert finished(folder) == before
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
        command += ["--crf", "24,32,40", "--metrics", "psnr", "--pictures", "1"]
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
            while not finished(tmp_path / "out") and time.monotonic() < until:
                time.sleep(0.01)
        finally:
            running.send_signal(signal.SIGKILL)
            running.wait()
        before = finished(tmp_path / "out")
        assert 1 <= len(before) < 3
        settings = {"codecs": ("x264",), "crf": (24, 32, 40), "metrics": ("psnr",)}
        again = ladder([clip_path], tmp_path / "out", **settings, pictures=1, jobs=1)
        assert {record["error"] for record in again["records"]} == {None}
        after = finished(tmp_path / "out")
        assert len(after) == 3
        assert {name: after[name] for name in before} == before
        assert not list((tmp_path / "out" / "cache" / "encodes").glob(".part-*"))

    @pytest.mark.skipif(os.name != "posix", reason="needs locks")
    def test_two_at_once_in_one_folder_are_refused(self, clip_path: Path, tmp_path: Path) -> None:
        (tmp_path / "out" / "cache").mkdir(parents=True)
        with (
            alone(tmp_path / "out"),
            pytest.raises(OutputError, match="another ladder is at work in this folder"),
        ):
            ladder([clip_path], tmp_path / "out", **QUICK)
        assert [path.name for path in (tmp_path / "out").rglob("*")] == ["cache", "lock"]

    def test_a_lock_that_outlives_a_killed_one_for_a_moment_is_waited_for(
        self, tmp_path: Path
    ) -> None:
        """As a process that was forked, and has not begun its program, holds it."""
        taken, may_go = threading.Event(), threading.Event()

        def hold() -> None:
            with alone(tmp_path):
                taken.set()
                may_go.wait(30)

        holder = threading.Thread(target=hold)
        holder.start()
        assert taken.wait(30)
        threading.Timer(0.2, may_go.set).start()
        with alone(tmp_path):
            assert may_go.is_set()
        holder.join()

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
        with alone(tmp_path):
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
