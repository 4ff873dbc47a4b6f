"""Speed and memory on this machine: encode, decode and latent-only decode at 512×288, peak memory
of short and long encodes.

    python -m tools.bench.speed [--threads 2] [--crf 32] [--skip-memory] [--results]
    python -m tools.bench.speed --stages [--model BUNDLE] [--device cuda] [--size 512x288]
    python -m tools.bench.speed --compile [--model BUNDLE] [--device cuda] [--size 512x288]
        [--threads 1]

The clip is made on the spot: a textured picture panned under a moving object, 25 fps.  Memory is
the peak resident size of a fresh process, encoding 5 s and 30 s.  ``--stages`` says instead how
many frames a second are decoded once networks are loaded, restored and not, and what share of the
time each stage takes when nothing overlaps.  ``--compile`` says what ``torch.compile`` takes off
the autoencoder's decoder, the largest of the stages, and how long compiling takes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import videocodec
from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import RESULTS, ROOT, Report
from tools.bench.speed_stages import compiled, latent_speed, stages
from tools.bench.synthetic_clips import HEIGHT, WIDTH, make_clip
from videocodec.models.bundle import ModelBundle

LATENT_CRFS = (20, 32, 44)


def peak_memory(clip: Path, target: Path, threads: int) -> float:
    """Peak resident MiB of a process that encodes the clip."""
    program = (
        f"import resource, sys, videocodec;videocodec.encode({str(clip)!r}, {str(target)!r},"
        f" crf=32, threads={threads}, overwrite=True,"
        " device='cpu', model='embedded');"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return float(done.stdout.split()[-1])


def speeds(clip: Path, folder: Path, args: argparse.Namespace) -> Table:
    """Frames per second of both directions and of latents alone."""
    table = Table(["what", "frames per second", "kbit/s"], ["{}", "{:.1f}", "{:.0f}"])
    settings = {"threads": args.threads, "device": "cpu", "overwrite": True}
    coded = folder / "coded.mp4"
    for preset in ("ultrafast", "medium"):
        report = videocodec.encode(
            clip, coded, crf=args.crf, preset=preset, model="embedded", **settings
        )
        speed, rate = report.frames / report.encode_seconds, report.video_bitrate_bps / 1000
        table.add(f"encode, {preset}, crf {args.crf}, model loading included", speed, rate)
    back = videocodec.decode(coded, folder / "back.mp4", **settings)
    table.add("decode to mp4, model loading included", back.frames / back.decode_seconds, None)
    for crf in LATENT_CRFS:
        report = videocodec.encode(clip, coded, crf=crf, model="embedded", **settings)
        rate = report.video_bitrate_bps / 1000
        table.add(f"latents alone, crf {crf}", latent_speed(coded), rate)
    return table


def memory(clip: Path, folder: Path, threads: int) -> Table:
    """Peak memory of encoding 5 s and 30 s."""
    table = Table(["length", "peak MiB"], ["{}", "{:.0f}"])
    long_clip = folder / "30s.mp4"
    make_clip(long_clip, 30)
    for name, path in (("5 s", clip), ("30 s", long_clip)):
        table.add(name, peak_memory(path, folder / "coded.mp4", threads))
    return table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("speed", __doc__)
    cli.add_argument("--threads", type=int, default=2)
    cli.add_argument("--crf", type=int, default=32)
    cli.add_argument("--skip-memory", action="store_true")
    cli.add_argument("--stages", action="store_true")
    cli.add_argument("--compile", action="store_true")
    cli.add_argument("--model", default="embedded", help="bundle, for --stages and --compile")
    cli.add_argument("--device", default="cpu", help="for --stages and --compile")
    size = f"{WIDTH}x{HEIGHT}"
    cli.add_argument("--size", default=size, help="of the picture, for --stages and --compile")
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parse(parser(), arguments)
    if args.results == RESULTS / "speed.json" and (args.stages or args.compile):
        args.results = RESULTS / f"speed-{'stages' if args.stages else 'compile'}.json"
    bundle = ModelBundle.find(args.model)
    report = Report(args, models=[bundle])
    width, height = map(int, args.size.split("x"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "clip.mp4"
        if args.compile:
            report.table("compile", compiled(bundle, width, height, args.device, args.threads))
        elif args.stages:
            make_clip(clip, 3, width, height)
            coded = folder / "coded.mp4"
            settings = {"threads": args.threads, "device": args.device, "model": args.model}
            videocodec.encode(clip, coded, crf=args.crf, preset="superfast", **settings)
            whole, each = stages(coded, **settings)
            report.table("decode", whole)
            report.table("stages", each, "One after another")
        else:
            make_clip(clip, 5)
            report.table("speed", speeds(clip, folder, args))
            if not args.skip_memory:
                report.table("memory", memory(clip, folder, args.threads))
    report.save()


if __name__ == "__main__":
    main()
