"""Processes of a ladder on Ray: what one that is lost was at is done by another, and a machine that
does not see the folder says so.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from videocodec.errors import SettingsError
from videocodec.ladder.api import ladder
from videocodec.ladder.clips import Clip
from videocodec.ladder.codecs import codec_named
from videocodec.ladder.files import load_json
from videocodec.ladder.jobs import Job, Rung
from videocodec.ladder.ray_workers import LadderActor, RayWorker
from videocodec.ladder.runner import Runner
from videocodec.ladder.stored import EncodeFile

from .conftest import FRAMES, QUICK, finished


class Lost(Exception):
    pass


class Call:
    """A call of an actor, as Ray's ``remote`` makes one."""

    def __init__(self, function) -> None:
        self.remote = function


class FakeRay:
    """Actors in this process, some of which are lost at their first order."""

    def __init__(self, losses: int) -> None:
        self.losses, self.started, self.killed = losses, 0, 0
        self.exceptions = SimpleNamespace(RayError=Lost)

    def remote(self, **needs: int):
        assert needs == {"num_cpus": 1}
        return lambda described: Call(lambda threads: self.start(described(threads)))

    def start(self, actor: LadderActor) -> SimpleNamespace:
        self.started += 1
        return SimpleNamespace(actor=actor, call=Call(lambda *order: (actor, order)))

    def get(self, called):
        actor, order = called
        if self.losses:
            self.losses -= 1
            actor.worker.kill()
            raise Lost("the machine is gone\nfor good")
        return actor.call(*order)

    def kill(self, handle: SimpleNamespace) -> None:
        self.killed += 1
        handle.actor.worker.kill()


def ran(clip: Clip, cache: Path, ray: FakeRay) -> Runner:
    """A runner that has done one encode on it."""
    cluster = SimpleNamespace(ray=ray)
    job = Job(clip, codec_named("x264"), Rung("crf", 30), "ultrafast", 250, 1, "embedded")
    runner = Runner(
        cache, [], {}, shown=1, workers=1, start_worker=lambda threads: RayWorker(cluster, threads)
    )
    clip.reference()
    runner.run([lambda: runner.finish(job)], [job], [])
    return runner


def test_what_lost_workers_were_at_is_done_by_others(clip: Clip, tmp_path: Path) -> None:
    ray = FakeRay(losses=3)
    (outcome,) = ran(clip, tmp_path, ray).outcomes()
    assert outcome.error is None
    assert len(load_json(outcome.folder / "encode.json", EncodeFile)["frame_bytes"]) == FRAMES
    assert ray.started == 5  # an encode and a decode, and three that were lost
    assert ray.killed == 2  # those that were left


def test_workers_that_are_lost_again_and_again_are_an_error(clip: Clip, tmp_path: Path) -> None:
    (outcome,) = ran(clip, tmp_path, FakeRay(losses=5)).outcomes()
    assert outcome.error == "x264 crf 30: a worker on Ray was lost: the machine is gone"


def test_a_machine_that_does_not_see_the_folder_says_so(clip: Clip, tmp_path: Path) -> None:
    actor = LadderActor(1)
    order = {"kind": "encode", "folder": str(tmp_path / "absent")}
    error, is_alive = actor.call(order, "x264 crf 30")
    assert "does not see" in error and "give an --output that all of them see" in error
    assert is_alive
    actor.worker.close()


def test_another_executor_is_refused(clip_path: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="executor must be local, ray or ray://HOST:PORT"):
        ladder([clip_path], tmp_path / "out", executor="rays", **QUICK)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_ladder_on_ray_has_the_results_of_one_here(clip_path: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install videocodec[cluster]")
    here = ladder([clip_path], tmp_path / "here", **QUICK)
    there = ladder([clip_path], tmp_path / "there", executor="ray", **QUICK)
    assert finished(tmp_path / "there").keys() == finished(tmp_path / "here").keys()
    for one, other in zip(here["records"], there["records"], strict=True):
        assert one["error"] is None and other["error"] is None
        assert one["video_bytes"] == other["video_bytes"]
        assert one["frames"] == other["frames"]
