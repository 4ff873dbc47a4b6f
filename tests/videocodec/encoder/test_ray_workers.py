"""Workers on Ray: that they give what this process gives, that none of them is needed, and what
they are sent where they do not see what the caller sees.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import videocodec
from tools.bench.farm import children
from videocodec import cluster
from videocodec.encoder.chunk_coder import ChunkTask, CodingPlan
from videocodec.encoder.chunks import Chunk
from videocodec.encoder.pipeline import sequence_header
from videocodec.encoder.ray_actor import MODEL, SOURCE, Provisions, RayActor
from videocodec.encoder.settings import EncoderSettings
from videocodec.encoder.workers import start_workers
from videocodec.encoder.workplace import Workplace
from videocodec.errors import InputError, MissingPackageError, SettingsError, WorkerError
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle

SETTINGS = EncoderSettings(preset="ultrafast")


@pytest.fixture(scope="module")
def movie(
    tmp_path_factory: pytest.TempPathFactory,
    write_movie: Callable[..., Path],
    panned: Callable[..., list[np.ndarray]],
) -> Path:
    """30 frames of 64×48."""
    return write_movie(tmp_path_factory.mktemp("ray") / "movie.mp4", panned(30, 48, 64, (0, 1)))


@pytest.fixture(scope="module")
def workplace(movie: Path) -> Workplace:
    bundle = ModelBundle.find("embedded")
    with VideoSource(movie) as source:
        header = sequence_header(source, bundle, SETTINGS)
    return Workplace(movie, None, bundle, header, "cpu", 2, 0)


@pytest.fixture(scope="module")
def ray() -> Iterator[object]:
    """A Ray of this machine, which workers then do not end."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install videocodec[cluster]")
    try:
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            _system_config=cluster.AS_OTHERS,
        )
    except Exception as error:  # of many kinds, where the machine is too busy or forbids sockets
        pytest.skip(f"Ray does not start here: {str(error).strip().partition(chr(10))[0]}")
    yield ray
    ray.shutdown()


def task(index: int, frames: int = 5) -> ChunkTask:
    return ChunkTask(Chunk(index, 5 * index, frames, False), (CodingPlan(SETTINGS),))


def actors() -> list[int]:
    """Process ids of the workers."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "cmdline").read_bytes().startswith(b"ray::RayActor"):
                found.append(int(folder.name))
    return found


@pytest.mark.slow
def test_killed_workers_lose_nothing(ray: object, workplace: Workplace) -> None:
    tasks = [task(index) for index in range(6)]
    with start_workers(workplace, 1) as alone:
        expected = dict(alone.run(tasks, lambda unit: None))
    sizes: list[int] = []
    with start_workers(workplace, 2, "ray") as workers:
        found = {}
        for done, results in workers.run(
            [None, *tasks, None], lambda unit: sizes.append(unit.size)
        ):
            found[done] = results
            if len(found) in (1, 3):
                for process in actors()[: len(found)]:  # one of them, then all
                    os.kill(process, signal.SIGKILL)
        assert found == expected
        assert sum(sizes) == sum(len(results[0].data) for results in expected.values())
        with pytest.raises(InputError, match="it was changed while it was being read"):
            dict(workers.run([task(5, frames=6)], lambda unit: None))
    assert ray.is_initialized()


@pytest.mark.slow
def test_ctrl_c_ends_all_processes_and_keeps_finished_chunks(movie: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install videocodec[cluster]")
    target = tmp_path / "b.mp4"
    words = ["--executor", "ray", "--jobs", "2", "--gop-size", "3", "--preset", "ultrafast"]
    process = subprocess.Popen(
        [sys.executable, "-m", "videocodec", "encode", str(movie), str(target), *words]
        + ["--bitrate", "60k", "--device", "cpu", "--model", "embedded"],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    chunks = tmp_path / "b.mp4.chunks"
    while process.poll() is None and not list(chunks.glob("*.chunk")):
        time.sleep(0.05)
    processes = [one for one, _ in children(process.pid)]
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate()
    if "Ray does not start" in errors:
        pytest.skip("the machine is too busy for Ray")
    assert process.returncode == 130, errors
    assert "--resume goes on with them" in errors
    assert list(chunks.glob("*.chunk")) and not target.exists()
    assert processes
    while any(Path(f"/proc/{one}").exists() for one in processes):
        time.sleep(0.1)  # a process that stays is a test that does not end


def test_what_a_worker_does_not_see_it_is_sent(workplace: Workplace, tmp_path: Path) -> None:
    provisions = Provisions(workplace)
    assert RayActor(workplace, 1, provisions.identities).lacks() == []
    elsewhere = replace(
        workplace,
        source=tmp_path / "absent.mp4",
        bundle=ModelBundle("embedded", tmp_path / "absent"),
    )
    actor = RayActor(elsewhere, 1, provisions.identities)
    assert actor.lacks() == [SOURCE, MODEL]
    for name in (SOURCE, MODEL):
        actor.receive(name, provisions.content(name))
    assert actor.lacks() == []
    with start_workers(workplace, 1) as alone:
        assert actor.code(task(2)) == dict(alone.run([task(2)], lambda unit: None))[task(2)]


def test_a_source_that_was_changed_is_not_taken_for_the_same(
    workplace: Workplace, tmp_path: Path
) -> None:
    changed = tmp_path / "movie.mp4"
    changed.write_bytes(workplace.source.read_bytes()[:-1] + b"!")
    identities = Provisions(workplace).identities
    assert RayActor(replace(workplace, source=changed), 1, identities).lacks() == [SOURCE]


def test_without_ray_it_says_what_to_install(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(cluster, "import_module", absent)
    with pytest.raises(MissingPackageError, match="pip install 'videocodec\\[cluster\\]'"):
        start_workers(workplace, 2, "ray")


@pytest.mark.parametrize("executor", ["", "rays", "ssh://host"])
def test_another_executor_is_refused(executor: str, movie: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="executor must be local, ray or ray://HOST:PORT"):
        videocodec.encode(movie, tmp_path / "a.mp4", executor=executor)


def test_a_ray_that_does_not_start_is_an_error(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init(address: str, **_: object) -> None:
        if address == "local":
            raise Exception("the node timed out\nand more")
        raise ConnectionError("none is running")

    absent = SimpleNamespace(init=init, is_initialized=lambda: False)
    monkeypatch.setattr(cluster, "import_module", lambda name: absent)
    with pytest.raises(WorkerError, match="Ray does not start on this machine: the node timed out"):
        start_workers(workplace, 2, "ray")
    with pytest.raises(WorkerError, match="ray://host:10001: no Ray can be reached there: none"):
        start_workers(workplace, 2, "ray://host:10001")
