"""Rate control and parallel encoding through files, as a user would: bitrates hit, the gain of a
second process.

    python -m tools.bench.rate --clips DIR [--bitrate 10000 20000 40000 80000] [--preset medium]
        [--model NAME] [--max-frames N] [--only NAME …] [--results]
    python -m tools.bench.rate --jobs 2 [--seconds 60] [--size 512 288] [--executor ray]
        [--model NAME] [--results]

The first form encodes every clip at every bitrate (bits per second) and prints by how much the
video bytes miss the target, or what the encoder says where crf 0 to 63 cannot reach it; exit status
1 if a target within reach is missed by more than 3 %.  The second encodes moving texture with one
process and with N, and compares bytes and time; exit status 1 if the bytes differ.  With
``--executor ray`` the two are one worker and N on a Ray of this machine that runs already, and the
bytes are compared with those of one process without Ray.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import videocodec
from tools.bench.markdown import Table
from tools.bench.options import add_clips, bench_parser, clip_paths, parse
from tools.bench.results import RESULTS, Report
from tools.bench.synthetic_clips import make_clip
from videocodec.cluster import AS_OTHERS, LOCAL, RAY
from videocodec.models.bundle import ModelBundle
from videocodec.presets import Preset

ALLOWED = 3.0  # percent


def rates(
    clips: list[Path], bitrates: list[int], max_frames: int | None, preset: Preset, model: str
) -> tuple[Table, bool]:
    """By how much every target is missed, and whether all targets within reach were hit."""
    names = ["clip", "kbit/s", "miss", "crf", "passes", "frames per second"]
    table = Table(names, ["{}", "{:g}", "{:+.2f} %", "{:.1f}", "{}", "{:.1f}"])
    hit = True
    for clip in clips:
        for rate in bitrates:
            with tempfile.TemporaryDirectory() as folder:
                report = videocodec.encode(
                    clip,
                    Path(folder) / "coded.mp4",
                    bitrate=rate,
                    max_frames=max_frames,
                    preset=preset,
                    device="cpu",
                    model=model,
                )
            miss = 100 * (report.video_bitrate_bps / rate - 1)
            said: float | str = miss
            if report.warnings:
                said = f"out of reach: {report.video_bitrate_bps / 1000:.1f} kbit/s"
            else:
                hit &= abs(miss) <= ALLOWED
            speed = report.frames / report.encode_seconds
            line = table.add(clip.stem, rate / 1000, said, report.crf, report.passes, speed)
            print(line, file=sys.stderr, flush=True)
    return table, hit


@contextmanager
def running(executor: str, workers: int) -> Iterator[None]:
    """The executor, started: a Ray of this machine, or nothing."""
    if executor == LOCAL:
        yield
        return
    ray = import_module("ray")
    ray.init(address="local", num_cpus=workers, include_dashboard=False, _system_config=AS_OTHERS)
    try:
        yield
    finally:
        ray.shutdown()


def parallel(
    jobs: int, seconds: int, size: tuple[int, int], model: str, executor: str = LOCAL
) -> tuple[Table, bool]:
    """Seconds with one process and with several, and whether the bytes agree."""
    table = Table(
        ["processes", "seconds", "times the speed", "bytes"], ["{}", "{:.1f}", "{:.2f}", "{}"]
    )
    with tempfile.TemporaryDirectory() as folder, running(executor, jobs):
        clip = Path(folder) / "clip.mp4"
        make_clip(clip, seconds, *size)
        alone = [] if executor == LOCAL else [(1, LOCAL)]  # what the bytes are compared with
        files, times = [], []
        for count, where in (*alone, (1, executor), (jobs, executor)):
            coded = Path(folder) / "coded.mp4"
            report = videocodec.encode(
                clip,
                coded,
                crf=32,
                jobs=count,
                device="cpu",
                executor=where,
                overwrite=True,
                model=model,
            )
            times.append(report.encode_seconds)
            files.append(coded.read_bytes())
            identity = "identical" if files[0] == files[-1] else "DIFFERENT"
            name = str(count) if where == LOCAL else f"{count} on Ray"
            one = times[min(len(alone), len(times) - 1)]
            table.add(name, times[-1], one / times[-1], identity)
    return table, all(data == files[0] for data in files)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("rate", __doc__)
    add_clips(cli, required=False)
    cli.add_argument("--bitrate", type=int, nargs="+", default=[10_000, 20_000, 40_000, 80_000])
    cli.add_argument("--preset", default="medium")
    cli.add_argument("--model", default="embedded", metavar="NAME")
    cli.add_argument("--max-frames", type=int)
    cli.add_argument("--jobs", type=int)
    cli.add_argument("--seconds", type=int, default=60)
    cli.add_argument("--size", type=int, nargs=2, default=(512, 288))
    cli.add_argument("--executor", choices=(LOCAL, RAY), default=LOCAL)
    return cli


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print → exit status."""
    cli = parser()
    args = parse(cli, arguments)
    if (args.clips is None) == (args.jobs is None):
        cli.error("give either --clips or --jobs")
    model = ModelBundle.find(args.model)
    if args.jobs is not None:
        if args.results == RESULTS / "rate.json":
            args.results = RESULTS / ("jobs.json" if args.executor == LOCAL else "jobs-ray.json")
        report = Report(args, models=[model])
        width, height = args.size
        table, good = parallel(args.jobs, args.seconds, (width, height), args.model, args.executor)
        report.table("jobs", table, f"{args.seconds} s of {width}×{height}, 25 frames per second")
    else:
        paths = clip_paths(args)
        report = Report(args, models=[model], clips=paths)
        table, good = rates(paths, args.bitrate, args.max_frames, args.preset, args.model)
        report.table("rates", table)
    report.save()
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
