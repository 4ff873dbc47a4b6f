"""Has a plan encoded by simulated hosts that die at random, and compares the merged file with that
of one process.

    python -m tools.bench.farm_hosts [--chunks 1000] [--hosts 8] [--deaths 0.1] [--results]

The hosts take turns in this process.  Each takes some chunks at random, the same as others too, and
dies while it keeps one of them with the probability ``--deaths``: in turn before the chunk is
there, with a torn file in its place, and just after.  Exit status 1 if the files differ.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import Report
from videocodec import encode
from videocodec.encoder.chunk_coder import ChunkTask, CodedChunk
from videocodec.encoder.request import RateGoal
from videocodec.encoder.settings import EncoderSettings
from videocodec.errors import UnfinishedPlanError
from videocodec.farm.merging import merge_chunks
from videocodec.farm.plan import FarmPlan
from videocodec.farm.planning import PlanRequest, make_plan
from videocodec.farm.store import FarmStore
from videocodec.farm.worker import Machine, PlanWorker
from videocodec.models.bundle import ModelBundle

FATES = ("before", "torn", "after")
SIDE = 16  # px of the clip's frames, each of which is a chunk
MACHINE = Machine(device="cpu", threads=1)
_TORN_BYTES = 50


class HostDied(BaseException):
    """The host is gone, in the middle of something."""


class PerilousStore(FarmStore):
    """A store whose user may die while a chunk is kept.  fates: what became of those who did."""

    def __init__(self, url: Path, plan_id: str, deaths: float, chance: random.Random) -> None:
        super().__init__(url, plan_id)
        self._deaths, self._chance = deaths, chance
        self._is_torn = False
        self.fates: Counter[str] = Counter()
        self.kept = 0

    def save(self, task: ChunkTask, results: tuple[CodedChunk, ...]) -> None:
        """Keep it, or die."""
        dies = self._chance.random() < self._deaths
        fate = FATES[self.fates.total() % len(FATES)] if dies else None
        self._is_torn = fate == "torn"
        if fate != "before":
            super().save(task, results)
            self.kept += 1
        if fate is not None:
            self.fates[fate] += 1
            raise HostDied

    def _write(self, name: str, content: bytes) -> None:
        super()._write(name, content[:_TORN_BYTES] if self._is_torn else content)
        self._is_torn = False


class Farm:
    """A clip of so many chunks of one frame, planned.  folder: for everything."""

    def __init__(self, folder: Path, chunks: int) -> None:
        self.folder, self.source = folder, folder / "clip.mp4"
        _write_clip(self.source, chunks)
        settings = EncoderSettings(crf=50, gop_size=1, preset="ultrafast")
        self.plan: FarmPlan = make_plan(
            PlanRequest(self.source, settings, RateGoal(), model="embedded")
        )
        self.rounds = 0

    def encode(self, hosts: int, deaths: float, seed: int) -> PerilousStore:
        """Have it encoded and merged → the store, which says who died."""
        chance = random.Random(seed)
        store = PerilousStore(self.folder / "store", self.plan.id, deaths, chance)
        left = list(range(len(self.plan.chunks)))
        share = max(1, 2 * len(left) // hosts)
        while left:
            self.rounds += 1
            for _ in range(hosts):
                taken = sorted(chance.sample(left, min(len(left), share)))
                try:
                    with PlanWorker(self.plan, store, MACHINE) as host:
                        for _ in host.encode(taken):
                            pass
                except HostDied:
                    continue
            try:
                merge_chunks(self.plan, store, self.folder / "farm.mp4", MACHINE)
                left = []
            except UnfinishedPlanError as error:
                left = list(error.chunks)
        return store

    def is_that_of_one_process(self) -> bool:
        """Whether the merged file has the bytes that ``encode`` writes."""
        alone = self.folder / "alone.mp4"
        encode(
            self.source,
            alone,
            crf=50,
            gop_size=1,
            preset="ultrafast",
            device="cpu",
            threads=1,
            model="embedded",
        )
        return alone.read_bytes() == (self.folder / "farm.mp4").read_bytes()


def _write_clip(path: Path, frames: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE + 20, 3), dtype=np.uint8)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"g": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        for index in range(frames):
            picture = np.ascontiguousarray(noise[:, index % 20 : index % 20 + SIDE])
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("farm_hosts", __doc__)
    add = cli.add_argument
    add("--chunks", type=int, default=1000, help="of the plan (default: 1000)")
    add("--hosts", type=int, default=8, help="at a time (default: 8)")
    add("--deaths", type=float, default=0.1, help="probability for each chunk (default: 0.1)")
    add("--seed", type=int, default=3)
    return cli


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it → exit status."""
    args = parse(parser(), arguments)
    report = Report(args, models=[ModelBundle.find("embedded")])
    columns = ["chunks", "hosts at a time", *(f"died {fate}" for fate in FATES), "rounds"]
    table = Table([*columns, "chunks kept", "bytes of one process"])
    with tempfile.TemporaryDirectory() as folder:
        farm = Farm(Path(folder), args.chunks)
        store = farm.encode(args.hosts, args.deaths, args.seed)
        identical = farm.is_that_of_one_process()
    died = [store.fates[fate] for fate in FATES]
    chunks = len(farm.plan.chunks)
    table.add(chunks, args.hosts, *died, farm.rounds, store.kept, "yes" if identical else "no")
    report.table("hosts", table)
    report.save()
    return int(not identical)


if __name__ == "__main__":
    sys.exit(main())
