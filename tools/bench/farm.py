"""Kills what encodes on Ray at random moments, and compares what comes out with the file of one
process.  Needs Ray (``pip install 'videocodec[cluster]'``) and Linux.

    python -m tools.bench.farm [--trials 20] [--drivers 5] [--seconds 3] [--seed 0] [--results]

*Workers*: each trial is a whole encode with ``--bitrate`` by two workers, one of which is killed at
a random moment of the encode.  *Drivers*: the process that calls ``encode`` is killed after a
random number of finished chunks, and started again with ``resume``; each chunk that is kept is
written down, so one that is coded twice shows.  Exit status 1 if a file has other bytes, or a chunk
was coded twice.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import ROOT, Report
from tools.bench.synthetic_clips import make_clip
from videocodec.cluster import AS_OTHERS, LOCAL, RAY
from videocodec.encoder import api
from videocodec.encoder.chunk_coder import ChunkTask, CodedChunk
from videocodec.encoder.chunk_file import chunk_name
from videocodec.encoder.chunk_store import ChunkStore
from videocodec.encoder.ray_workers import RayWorkers
from videocodec.encoder.report import EncodeReport
from videocodec.encoder.workplace import Workers, Workplace
from videocodec.models.bundle import ModelBundle

BITRATE = 40_000  # bits per second; 64×48 px take 31,000 at crf 0, so pictures are larger
SIZE = 96, 72  # px
WORKER = b"ray::RayActor"  # how Ray names the process of a worker
_LOOKS_SECONDS = 0.02


def encoded(
    source: str | Path, target: str | Path, *, executor: str = RAY, resume: bool = False
) -> EncodeReport:
    """The encode of all trials: by two workers on Ray, or by this process."""
    is_local = executor == LOCAL
    return api.encode(
        source,
        target,
        bitrate=BITRATE,
        gop_size=8,
        preset="ultrafast",
        device="cpu",
        threads=1 if is_local else None,
        jobs=1 if is_local else 2,
        executor=executor,
        resume=resume,
        overwrite=True,
        model="embedded",
    )


def children(process: int) -> Iterator[tuple[int, bytes]]:
    """Process ids and command lines of all that descends from a process."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(status[1])
    descendants = {process}
    while more := {one for one, parent in parents.items() if parent in descendants} - descendants:
        descendants |= more
    for one in sorted(descendants - {process}):
        with suppress(OSError):
            yield one, Path(f"/proc/{one}/cmdline").read_bytes()


def workers_of(process: int) -> list[int]:
    """Process ids of the encode's workers on a Ray that the process started."""
    return [one for one, words in children(process) if words.startswith(WORKER)]


class WorkerKiller:
    """Kills one worker of this process, so many seconds from now."""

    def __init__(self, seconds: float, chance: random.Random) -> None:
        self._chance, self._has_killed = chance, False
        self._timer = threading.Timer(seconds, self._kill)
        self._timer.start()

    def end(self) -> bool:
        """Kill nothing from now on → whether a worker was killed."""
        self._timer.cancel()
        self._timer.join()
        return self._has_killed

    def _kill(self) -> None:
        for one in self._chance.sample(workers := workers_of(os.getpid()), len(workers)):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
                self._has_killed = True
                return


@dataclass
class Clip:
    """What is encoded, and the file that one process makes of it."""

    source: Path
    expected: bytes


@contextmanager
def lasting_workers() -> Iterator[None]:
    """Encodes inside share their workers on Ray: most of a short one would be loading PyTorch.

    All of them must be of the same source with the same settings.
    """
    kept: list[RayWorkers] = []

    class Lasting(RayWorkers):
        def close(self) -> None:
            """Not after one encode."""

    def shared(workplace: Workplace, jobs: int, executor: str) -> Workers:
        if not kept:
            kept.append(Lasting(workplace, jobs, executor))
        return kept[0]

    try:
        with patch.object(api, "start_workers", shared):
            yield
    finally:
        for workers in kept:
            RayWorkers.close(workers)


def worker_trials(clip: Clip, folder: Path, trials: int, chance: random.Random) -> Table:
    """Encodes with a worker killed in each → a row."""
    columns = ["killed", "trials", "killed before the end", "same bytes", "other bytes"]
    columns += ["bits per second", "beside the target"]
    table = Table(columns, ["{}"] * 5 + ["{:.0f}", "{:+.1%}"])
    target, identical, killed, longest = folder / "killed.mp4", 0, 0, 0.0
    with lasting_workers():
        for trial in range(-2, trials):
            begin = time.monotonic()
            # Two without: the first waits for PyTorch, the second says how long one takes.
            killer = WorkerKiller(chance.uniform(0, longest), chance) if trial >= 0 else None
            report = encoded(clip.source, target)
            longest = time.monotonic() - begin if killer is None else longest
            if killer is not None:
                killed += killer.end()
                identical += target.read_bytes() == clip.expected
            line = f"trial {trial + 1}: {time.monotonic() - begin:.1f} s, {killed} killed"
            print(f"{line}, {identical} the same", file=sys.stderr, flush=True)
    bitrate, other = report.video_bitrate_bps, trials - identical
    off = bitrate / BITRATE - 1
    table.add("a worker", trials, killed, identical, other, bitrate, off)
    return table


def driver_trials(clip: Clip, folder: Path, trials: int, chance: random.Random) -> Table:
    """Encodes whose caller is killed and started again → a row for each."""
    columns = ["killed after", "chunks in all", "coded twice", "same bytes"]
    table = Table(columns)
    total: int | None = None
    begun = 0
    while len(table.rows) < trials:
        target, log = folder / f"driver{begun}.mp4", folder / f"driver{begun}.log"
        begun += 1
        log.touch()
        wanted = chance.randrange(total or 8)
        process = _driver(clip, target, log, "begin")
        while process.poll() is None and len(_lines(log)) < wanted:
            time.sleep(_LOOKS_SECONDS)
        time.sleep(chance.uniform(0, 1))
        process.kill()
        process.wait()
        if target.exists():
            continue  # the file was whole, and its chunks are gone: nothing is left to go on with
        before = len(_lines(log))
        if _driver(clip, target, log, "resume").wait():
            raise SystemExit("the second run failed")
        names = _lines(log)
        total = len(set(names))
        identical = "yes" if target.read_bytes() == clip.expected else "no"
        row = table.add(f"{before} chunks", total, len(names) - total, identical)
        print(row, file=sys.stderr, flush=True)
    return table


def _lines(log: Path) -> list[str]:
    return log.read_text().splitlines()


def _driver(clip: Clip, target: Path, log: Path, how: str) -> subprocess.Popen[bytes]:
    """A process that encodes on this one's Ray."""
    words = ["--driver", clip.source, target, log, how]
    address = import_module("ray").get_runtime_context().gcs_address
    return subprocess.Popen(
        [sys.executable, "-m", "tools.bench.farm", *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"RAY_ADDRESS": address},
    )


def drive(source: str, target: str, log: str, how: str) -> None:
    """Encode, and write down every chunk once it is kept."""
    save = ChunkStore.save

    def written_down(self: ChunkStore, task: ChunkTask, results: tuple[CodedChunk, ...]) -> None:
        save(self, task, results)
        with open(log, "a") as file:
            file.write(f"{chunk_name(task)}\n")

    with patch.object(ChunkStore, "save", written_down):
        encoded(source, target, resume=how == "resume")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("farm", __doc__)
    add = cli.add_argument
    add("--trials", type=int, default=20, help="with a worker killed (default: 20)")
    add("--drivers", type=int, default=5, help="with the caller killed (default: 5)")
    add("--seconds", type=int, default=3, help="of the clip, of 96×72 (default: 3)")
    add("--seed", type=int, default=0)
    add("--driver", nargs=4, help=argparse.SUPPRESS)
    return cli


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all trials → exit status."""
    args = parse(parser(), arguments)
    if args.driver is not None:
        drive(*args.driver)
        return 0
    ray = import_module("ray")
    report, chance = Report(args, models=[ModelBundle.find("embedded")]), random.Random(args.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "clip.mp4"
        make_clip(source, args.seconds, *SIZE)
        encoded(source, folder / "alone.mp4", executor=LOCAL)
        clip = Clip(source, (folder / "alone.mp4").read_bytes())
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            _system_config=AS_OTHERS,
        )
        try:
            workers = worker_trials(clip, folder, args.trials, chance)
            report.table("workers", workers, "a worker killed in each encode:")
            drivers = driver_trials(clip, folder, args.drivers, chance)
            report.table("drivers", drivers, "the caller killed, and started again:")
        finally:
            ray.shutdown()
    report.save()
    wrong = any(row[4] for row in workers.rows)
    wrong |= any(row[2] or row[3] == "no" for row in drivers.rows)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
