"""What every preset takes and gives: milliseconds of a core a frame, and bytes at equal quality
against another preset.

    python -m tools.bench.presets --clips DIR [--only NAME …] [--presets veryfast medium slow]
        [--against medium] [--crf 31 43 55] [--max-frames 17] [--model NAME] [--results]

Figures are BD-rates in percent of bytes over the qualities that both presets reach, the mean of
PSNR of all planes, SSIMULACRA2 and VMAF; less is better.  Milliseconds are those of the processor
of one thread, at the clips' own sizes, the keyframe's share included.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bitstream.v2.compiled import await_kernels as await_decoders
from tools.bench.markdown import Table
from tools.bench.measured_clip import MeasuredClip, Point, savings
from tools.bench.options import add_clips, bench_parser, clip_paths, parse
from tools.bench.results import Report
from videocodec.encoder.compiled import await_kernels
from videocodec.ladder.panel import geometric_mean
from videocodec.models.bundle import ModelBundle
from videocodec.models.default import DEFAULT_MODEL
from videocodec.presets import PRESETS

METRICS = ("psnr", "ssimulacra2", "vmaf")


def measured(clip: MeasuredClip, args: argparse.Namespace) -> dict[str, list[Point]]:
    """Points of a clip by preset, those of ``--against`` among them."""
    found = {}
    for preset in dict.fromkeys([args.against, *args.presets]):
        found[preset] = [clip.point(crf, args.model, preset=preset) for crf in args.crf]
        print(clip.clip.name, preset, found[preset], file=sys.stderr, flush=True)
    return found


def ladder(
    presets: Sequence[str],
    milliseconds: Mapping[str, Mapping[str, float]],
    rates: Mapping[str, Mapping[str, float | None]],
) -> Table:
    """A row for each preset; milliseconds, rates: clip → preset → ms a frame, percent of bytes."""
    columns = ["preset", "ms a frame", *(f"{clip}, %" for clip in rates), "mean, %"]
    table = Table(columns, ["{}", "{:.0f}", *["{:+.1f}"] * (len(rates) + 1)])
    for preset in presets:
        spent = float(np.mean([of_clip[preset] for of_clip in milliseconds.values()]))
        row = [of_clip[preset] for of_clip in rates.values()]
        known = [rate for rate in row if rate is not None]
        table.add(preset, spent, *row, geometric_mean(known) if known else None)
    return table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("presets", __doc__ or "")
    add_clips(made)
    made.add_argument("--presets", nargs="+", choices=PRESETS, default=list(PRESETS))
    made.add_argument("--against", choices=PRESETS, default="medium")
    made.add_argument("--crf", type=int, nargs="+", default=[31, 43, 55])
    made.add_argument("--max-frames", type=int, default=17, metavar="N")
    made.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME_OR_DIR")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parse(parser(), arguments)
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    await_decoders()
    await_kernels()
    clips = clip_paths(args)
    report = Report(args, models=[ModelBundle.find(args.model)], clips=clips)
    milliseconds: dict[str, dict[str, float]] = {}
    rates: dict[str, dict[str, float | None]] = {}
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        for source in clips:
            clip = MeasuredClip(source, args.max_frames, Path(name), METRICS)
            points = measured(clip, args)
            frames = len(args.crf) * clip.clip.frames
            milliseconds[source.stem] = {
                preset: 1000 * sum(point.encoding for point in of_preset) / frames
                for preset, of_preset in points.items()
            }
            rates[source.stem] = {
                preset: savings(of_preset, points[args.against], clip.figures)["panel"]
                for preset, of_preset in points.items()
            }
            clip.clip.discard_reference()
    report.table("ladder", ladder(args.presets, milliseconds, rates))
    report.save()


if __name__ == "__main__":
    main()
