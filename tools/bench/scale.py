"""What coding smaller pictures is worth at low rates: every scale and ``auto``, in all measures of
the panel at full size.

    python -m tools.bench.scale --clips CLIPS [--only NAME …] [--crf 46 52 58 63]
        [--scales 0.75 0.5 auto] [--model NAME_OR_DIR] [--preset veryfast] [--max-frames 33]
        [--metrics NAME …] [--lpips FILE] [--below KBPS] [--results]

Every clip is coded at full size at each crf, smaller at crfs that take about as many bytes, and
with ``--scale auto`` at each crf.  BD-rates are against full size, over the qualities that both
reach; the panel is their mean over the measures, of ratios.  A rate is of the video alone.
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

from tools.bench.markdown import Table
from tools.bench.measured_clip import MeasuredClip, Point, savings
from tools.bench.options import add_clips, bench_parser, clip_paths, parse
from tools.bench.results import Report
from videocodec.models.bundle import ModelBundle
from videocodec.models.default import DEFAULT_MODEL
from videocodec.presets import PRESETS

FINER = {"1": 0, "0.75": 6, "0.5": 14, "auto": 0}  # by how much the crf of a scale is


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("scale", __doc__ or "")
    add_clips(made)
    made.add_argument("--crf", type=int, nargs="+", default=[46, 52, 58, 63])
    made.add_argument(
        "--scales", nargs="+", choices=list(FINER)[1:], default=list(FINER)[1:], metavar="SCALE"
    )
    made.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME_OR_DIR")
    made.add_argument("--preset", choices=PRESETS, default="veryfast")
    made.add_argument("--max-frames", type=int, default=33, metavar="N")
    made.add_argument("--metrics", nargs="+", metavar="NAME", help="default: all that there are")
    made.add_argument("--lpips", type=Path, help="SqueezeNet weights of LPIPS as safetensors")
    made.add_argument("--below", type=float, default=np.inf, metavar="KBPS")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    args = parse(parser(), arguments)
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    clips = clip_paths(args)
    report = Report(args, models=[ModelBundle.find(args.model)], clips=clips)
    hulls: Table | None = None
    gains: Table | None = None
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        for source in clips:
            measured = MeasuredClip(source, args.max_frames, Path(name), args.metrics, args.lpips)
            figures = measured.figures
            names = [figure.name for figure in figures]
            hulls = hulls or Table(
                ["clip", "scale", "crf", "coded width", "kbit/s", *names],
                ["{}", "{}", "{:g}", "{}", "{:.2f}", *(f"{{:.{f.decimals}f}}" for f in figures)],
            )
            gains = gains or Table(
                ["clip", "scale", *names, "panel"],
                ["{}", "{}", *["{:+.1f} %"] * (len(names) + 1)],
            )
            points = _all_points(measured, args, hulls)
            for scale in args.scales:
                found = savings(points[scale], points["1"], figures, args.below)
                line = gains.add(measured.clip.name, scale, *found.values())
                print(line, file=sys.stderr, flush=True)
            measured.clip.discard_reference()
    if hulls is not None and gains is not None:
        report.table("hulls", hulls)
        report.table("gains", gains)
    report.save()


def _all_points(
    measured: MeasuredClip, args: argparse.Namespace, hulls: Table
) -> Mapping[str, list[Point]]:
    """Of every scale, each also a line of a table."""
    points: dict[str, list[Point]] = {}
    for scale in ("1", *args.scales):
        crfs = [max(0, crf - FINER[scale]) for crf in args.crf]
        points[scale] = [
            measured.point(crf, args.model, scale=scale, preset=args.preset) for crf in crfs
        ]
        for point in points[scale]:
            line = hulls.add(
                measured.clip.name,
                scale,
                point.crf,
                point.width,
                point.rate,
                *(point.figures[figure.name] for figure in measured.figures),
            )
            print(line, file=sys.stderr, flush=True)
    return points


if __name__ == "__main__":
    main()
