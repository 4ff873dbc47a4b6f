"""How long people wait for a frame: steps and jumps of ``videocodec.VideoReader``, and the memory
that takes.

    python -m tools.bench.reader clip.lv.mp4 --threads 2 [--results]
    python -m tools.bench.reader clip.lv.mp4 --repeat 100 --memory-limit 64M --jumps 200

A step is timed when the reader had time to work ahead, and without that; a jump in a reader that
has just been opened, in one that stays open and does not work ahead, so that it knows what jumps
before passed, and in one that has been through the stream.  ``--repeat`` makes the stream
that many times as long: it writes the access units again and again with later timestamps, which
groups of pictures, being closed, allow.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader, StreamWriter
from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import Report
from videocodec import VideoReader
from videocodec.cli.common import amount
from videocodec.reader.cache import Kind

Clock = Callable[[], float]


def repeated(source: Path, times: int, target: Path) -> Path:
    """Write a stream that shows ``source`` so many times in a row → ``target``."""
    reader = StreamReader(source)
    units = [AccessUnit.parse(sample.data) for sample in reader.units()]
    length = units[-1].first_pts + units[-1].duration - units[0].first_pts
    with StreamWriter(target, reader.header.time_base) as writer:
        for turn in range(times):
            for unit in units:
                later = replace(unit, first_pts=unit.first_pts + turn * length)
                writer.write(later.to_bytes(), later.first_pts, later.duration)
        writer.commit()
    return target


class Waits:
    """Milliseconds that people wait, by kind, and other figures."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.times = Table(
            ["what", "n", "median ms", "at most ms"], ["{}", "{}", "{:.1f}", "{:.1f}"]
        )
        self.others = Table(["what", "figure"], ["{}", "{:.1f}"])

    def timed(self, work: Callable[[], object]) -> float:
        """Seconds that some work takes."""
        begin = self._clock()
        work()
        return self._clock() - begin

    def add(self, name: str, seconds: Sequence[float]) -> None:
        """A kind of wait."""
        values = [1e3 * one for one in seconds]
        if values:
            self.times.add(name, len(values), statistics.median(values), max(values))


def measure(clip: Path, args: argparse.Namespace) -> Waits:
    """All figures."""
    rng = random.Random(1)
    if args.cpu_time:
        args.threads = 1  # the work of others would not be counted
    waits = Waits(time.thread_time if args.cpu_time else time.perf_counter)
    opened = partial(
        VideoReader,
        clip,
        device=args.device,
        threads=args.threads,
        memory_limit=args.memory_limit,
    )
    measure_cold(partial(opened, read_ahead=False), args, waits, rng)
    resident = _resident_bytes()
    with _Watch() as watch, opened() as video:
        measure_warm(video, args, waits, rng)
        waits.others.add("kept at most, MB", video.memory_peak / 1e6)
    waits.others.add("limit, MB", args.memory_limit / 1e6)
    waits.others.add("resident growth at most, MB", (watch.peak - resident) / 1e6)
    return waits


def measure_cold(
    opened: Callable[[], VideoReader], args: argparse.Namespace, waits: Waits, rng: random.Random
) -> None:
    """A reader that does not work ahead: opening, first picture, latents, steps, jumps."""
    begin = time.perf_counter()
    with opened() as video:
        waits.add("open", [time.perf_counter() - begin])
        count, metadata = len(video), video.metadata
        waits.others.add(
            "clip",
            f"{count} frames of {metadata.width}x{metadata.height}, {metadata.keyframes} keyframes,"
            f" {metadata.duration_seconds:.1f} s",
        )
        waits.add("first picture (loads networks)", [waits.timed(lambda: video[0])])
        some = min(count, 250)
        latents = waits.timed(lambda: [video.latents[i] for i in range(some)])
        waits.others.add("latents alone, frames per second", some / latents)
        middle = count // 2
        video[middle]
        steps = range(middle + 1, min(middle + 1 + args.steps, count))
        waits.add(
            "step without read-ahead", [waits.timed(partial(video.__getitem__, i)) for i in steps]
        )
        measure_between(video, args, waits)
        measure_jumps(video, args, waits, rng)


def measure_jumps(
    video: VideoReader, args: argparse.Namespace, waits: Waits, rng: random.Random
) -> None:
    """Jumps in a reader that does not work ahead: each as if it had just been opened, to frames
    that lie evenly over the stream, with what latents and picture take of that; and all in a row,
    to frames that may lie anywhere.
    """
    count = len(video)
    latents, pictures = [], []
    for jump in range(args.jumps):
        _forget(video)
        number = (2 * jump + 1) * count // (2 * args.jumps)
        latents.append(waits.timed(partial(video.latent_frame, number)))
        pictures.append(waits.timed(partial(video.__getitem__, number)))
    both = [one + other for one, other in zip(latents, pictures, strict=True)]
    waits.add("jump in a reader just opened", both)
    waits.add("of that: latents since the keyframe", latents)
    waits.add("of that: the picture", pictures)
    _forget(video)
    numbers = [rng.randrange(count) for _ in range(args.jumps)]
    waits.add(
        "jump after jump without read-ahead",
        [waits.timed(partial(video.__getitem__, number)) for number in numbers],
    )


def measure_between(video: VideoReader, args: argparse.Namespace, waits: Waits) -> None:
    """Frames made up between two coded ones, as in slow motion at a quarter of the speed."""
    middle, times = len(video) // 2, video.index.pts_seconds.tolist()
    places = [
        times[index] + part / 4 * (times[index + 1] - times[index])
        for index in range(middle, min(middle + args.steps, len(video) - 1))
        for part in (1, 2, 3)
    ]
    waits.add(
        "frame between two frames",
        [waits.timed(partial(video.at_time, time, interpolate=True)) for time in places],
    )


def _forget(video: VideoReader) -> None:
    """As if the reader had just been opened, but for the networks."""
    video._core.cache.clear()
    video._core.latents._live = None


def measure_warm(
    video: VideoReader, args: argparse.Namespace, waits: Waits, rng: random.Random
) -> None:
    """A reader that works ahead: steps both ways, jumps."""
    count = len(video)
    for direction, name in ((1, "step forward, worked ahead"), (-1, "step back, worked ahead")):
        at = count // 2
        video[at - direction], video[at]
        seconds = []
        for _ in range(min(args.steps, count // 2 - 2)):
            at += direction
            _wait(partial(video.has_picture, at))
            seconds.append(waits.timed(partial(video.__getitem__, at)))
        waits.add(name, seconds)
    if args.survey:
        inner = [unit.number for unit in video.index.units if not unit.is_keyframe]
        _wait(
            lambda: (
                all(video._core.cache.has(Kind.STATE, number) for number in inner)
                or not _room(video)
            ),
            3600,
        )
    numbers = [rng.randrange(count) for _ in range(args.jumps)]
    waits.add("jump", [waits.timed(partial(video.__getitem__, number)) for number in numbers])


def _room(video: VideoReader) -> bool:
    return video._core.cache.room_for(Kind.STATE, 1 << 18)


class _Watch:
    """The most memory the process had, looked at a hundred times a second."""

    def __enter__(self) -> _Watch:
        self.peak, self._done = _resident_bytes(), threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.01):
            self.peak = max(self.peak, _resident_bytes())


def _resident_bytes() -> int:
    """Of this process, now; Linux alone says so in a file, elsewhere the most there ever was."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
            1 if sys.platform == "darwin" else 1024
        )
    return pages * os.sysconf("SC_PAGE_SIZE")


def _wait(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("reader", __doc__)
    add = cli.add_argument
    add("clip", type=Path, help="a latent-video file")
    add("--repeat", type=int, default=1, metavar="N", help="make it N times as long first")
    add("--jumps", type=int, default=20, metavar="N", help="jumps of each kind (default: 20)")
    add("--steps", type=int, default=20, metavar="N", help="steps of each kind (default: 20)")
    add("--threads", type=int, metavar="N", help="CPU threads of the networks")
    add("--device", default="cpu")
    add(
        "--memory-limit",
        type=amount,
        default=512 << 20,
        metavar="BYTES",
        help="of the reader, with k and M (default: 512 MiB)",
    )
    add(
        "--survey",
        action="store_true",
        help="wait until the reader has been through the whole stream before the last jumps",
    )
    add(
        "--cpu-time",
        action="store_true",
        help="CPU time of the asking thread, for machines that are busy; with one thread",
    )
    return cli


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print → exit status."""
    args = parse(parser(), arguments)
    report = Report(args, clips=[args.clip])
    with tempfile.TemporaryDirectory() as folder:
        clip = args.clip
        if args.repeat > 1:
            clip = repeated(args.clip, args.repeat, Path(folder) / "long.lv.mp4")
        waits = measure(clip, args)
    report.table("times", waits.times)
    report.table("others", waits.others)
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
