"""How long people wait for a frame: steps and jumps of ``videocodec.VideoReader``, and the memory
that takes.

    python -m tools.bench.reader clip.lv.mp4 --threads 2
    python -m tools.bench.reader clip.lv.mp4 --repeat 100 --memory-limit 64M --jumps 200     # as if it were 100 times as long

A step is timed when the reader had time to work ahead, and without that; a jump in a reader that
has just been opened, and in one that has been through the stream.  ``--repeat`` writes the access
units again and again with later timestamps, which groups of pictures, being closed, allow.
"""

from __future__ import annotations

import argparse
import json
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
from videocodec import VideoReader
from videocodec.cli.common import amount
from videocodec.reader.cache import Kind


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("clip", type=Path, help="a latent-video file")
    parser.add_argument(
        "--repeat", type=int, default=1, metavar="N", help="make it N times as long first"
    )
    parser.add_argument(
        "--jumps", type=int, default=20, metavar="N", help="random jumps of each kind (default: 20)"
    )
    parser.add_argument(
        "--steps", type=int, default=20, metavar="N", help="steps of each kind (default: 20)"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads of the networks")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--memory-limit",
        type=amount,
        default=512 << 20,
        metavar="BYTES",
        help="of the reader, with k and M (default: 512 MiB)",
    )
    parser.add_argument(
        "--survey",
        action="store_true",
        help="wait until the reader has been through the whole stream before the last jumps",
    )
    parser.add_argument(
        "--cpu-time",
        action="store_true",
        help="CPU time of the asking thread, for machines that are busy; with one thread",
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        clip = (
            repeated(args.clip, args.repeat, Path(folder) / "long.lv.mp4")
            if args.repeat > 1
            else args.clip
        )
        found = measure(clip, args)
    if args.json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            print(f"{name:36} {value}")
    return 0


def repeated(source: Path, times: int, target: Path) -> Path:
    """A stream that shows ``source`` so many times in a row."""
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


def measure(clip: Path, args: argparse.Namespace) -> dict[str, object]:
    """All figures; times in milliseconds."""
    rng = random.Random(1)
    if args.cpu_time:
        args.threads = 1  # the work of others would not be counted
    _timed = partial(_time, time.thread_time if args.cpu_time else time.perf_counter)
    options = {"device": args.device, "threads": args.threads, "memory_limit": args.memory_limit}
    found: dict[str, object] = {}
    begin = time.perf_counter()
    with VideoReader(clip, read_ahead=False, **options) as video:
        found["open"] = _milliseconds([time.perf_counter() - begin])
        count, told = len(video), video.metadata
        found["clip"] = (
            f"{count} frames of {told.width}x{told.height}, {told.keyframes} keyframes,"
            f" {told.duration_seconds:.1f} s"
        )
        found["first picture (loads networks)"] = _milliseconds([_timed(lambda: video[0])])
        latents = _timed(lambda: [video.latents[i] for i in range(min(count, 250))])
        found["latents alone, frames per second"] = round(min(count, 250) / latents, 1)
        middle = count // 2
        video[middle]
        found["step without read-ahead"] = _milliseconds(
            [
                _timed(lambda i=i: video[i])
                for i in range(middle + 1, middle + 1 + args.steps)
                if i < count
            ]
        )
        cold = []
        for _ in range(args.jumps):
            video._core.cache.clear()  # as if just opened, but for the networks
            video._core.latents._live = None
            number = rng.randrange(count)
            cold.append(_timed(lambda: video[number]))
        found["jump in a reader just opened"] = _milliseconds(cold)
    resident = _resident_bytes()
    with _Watch() as watch, VideoReader(clip, **options) as video:
        for direction, name in ((1, "step forward, worked ahead"), (-1, "step back, worked ahead")):
            at = count // 2
            video[at - direction], video[at]
            waits = []
            for _ in range(min(args.steps, count // 2 - 2)):
                at += direction
                _wait(lambda: video.has_picture(at))
                waits.append(_timed(lambda: video[at]))
            found[name] = _milliseconds(waits)
        if args.survey:
            inner = [unit.number for unit in video.index.units if not unit.is_keyframe]
            _wait(
                lambda: (
                    all(video._core.cache.has(Kind.STATE, number) for number in inner)
                    or not _room(video)
                ),
                3600,
            )
        found["jump"] = _milliseconds(
            [_timed(lambda: video[rng.randrange(count)]) for _ in range(args.jumps)]
        )
        found["kept at most, MB"] = round(video.memory_peak / 1e6, 1)
        found["limit, MB"] = round(args.memory_limit / 1e6, 1)
    found["resident growth at most, MB"] = round((watch.peak - resident) / 1e6, 1)
    return found


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
    import os

    return pages * os.sysconf("SC_PAGE_SIZE")


def _wait(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)


def _time(clock: Callable[[], float], work: Callable[[], object]) -> float:
    begin = clock()
    work()
    return clock() - begin


def _milliseconds(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none"
    if len(seconds) == 1:
        return f"{1e3 * seconds[0]:.0f} ms"
    return (
        f"median {1e3 * statistics.median(seconds):.1f} ms, at most {1e3 * max(seconds):.1f} ms"
        f" ({len(seconds)})"
    )


if __name__ == "__main__":
    sys.exit(main())
