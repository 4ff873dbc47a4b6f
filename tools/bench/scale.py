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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tools.bench.markdown import Table
from tools.bench.options import add_clips, bench_parser, clip_paths, parse
from tools.bench.results import Report
from videocodec.encoder.api import encode
from videocodec.ladder.clips import Clip, as_frames, prepare
from videocodec.ladder.codecs import codec_named
from videocodec.ladder.curves import Curve, bd_rate
from videocodec.ladder.metrics import Figure, Metric, Pair, all_metrics
from videocodec.ladder.panel import geometric_mean
from videocodec.models.bundle import ModelBundle
from videocodec.models.default import DEFAULT_MODEL
from videocodec.presets import PRESETS

FINER = {"1": 0, "0.75": 6, "0.5": 14, "auto": 0}  # by how much the crf of a scale is


@dataclass(frozen=True)
class Point:
    """One encode.  crf, width: that it was coded at.  rate: kbit/s.  figures: means over frames."""

    crf: float
    width: int
    rate: float
    figures: dict[str, float]


class Measured:
    """One clip, coded and measured as often as is asked."""

    def __init__(self, source: Path, args: argparse.Namespace, folder: Path) -> None:
        self._args, self._folder = args, folder
        self.clip = prepare(source, folder / "clips", args.max_frames)
        files = {} if args.lpips is None else {"lpips-weights": str(args.lpips)}
        self.metrics = [
            metric
            for name, metric in all_metrics(files).items()
            if metric.missing(self.clip) is None and (not args.metrics or name in args.metrics)
        ]

    @property
    def figures(self) -> list[Figure]:
        """Those of the panel that are measured."""
        return [each for metric in self.metrics for each in metric.figures if each.in_panel]

    def point(self, scale: str, crf: int) -> Point:
        """Code, decode and measure."""
        coded = self._folder / f"{self.clip.name}-{scale}-{crf}.mp4"
        report = encode(
            self.clip.path(),
            coded,
            crf=crf,
            scale=scale,
            preset=self._args.preset,
            overwrite=True,
            device="cpu",
            threads=1,
            model=self._args.model,
        )
        pair = _pair(self.clip, coded, self._folder, self._args.model)
        return Point(
            report.crf,
            report.coded_width,
            report.video_bitrate_bps / 1000,
            {name: value for metric in self.metrics for name, value in _means(metric, pair)},
        )


def _means(metric: Metric, pair: Pair) -> Iterator[tuple[str, float]]:
    for name, values in metric.measure(pair).items():
        yield name, float(np.mean([value for value in values if value is not None]))


def _pair(clip: Clip, coded: Path, folder: Path, model: str) -> Pair:
    """The clip and what a decoder shows of a file."""
    decoded = folder / "decoded.yuv"
    with decoded.open("wb") as file:
        for frame in codec_named("videocodec").decode(coded, clip, 1, model):
            file.write(frame.planes().to_ndarray().tobytes())
    reference = clip.reference()
    source = Path(clip.folder) / "reference.yuv"
    return Pair(clip, reference, as_frames(decoded, clip), source, decoded)


def savings(
    tested: Sequence[Point], full: Sequence[Point], figures: Sequence[Figure], below: float
) -> dict[str, float | None]:
    """BD-rate in percent by figure, None where there is none, and their mean as ``panel``."""
    found: dict[str, float | None] = {}
    for figure in figures:
        sign = 1 if figure.higher_is_better else -1
        ours, reference = (
            Curve.of((point.rate, sign * point.figures[figure.name]) for point in points)
            for points in (tested, full)
        )
        found[figure.name] = bd_rate(ours, reference, below=below).value
    known = [value for value in found.values() if value is not None]
    return found | {"panel": geometric_mean(known) if known else None}


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
            measured = Measured(source, args, Path(name))
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
    measured: Measured, args: argparse.Namespace, hulls: Table
) -> Mapping[str, list[Point]]:
    """Of every scale, each also a line of a table."""
    points: dict[str, list[Point]] = {}
    for scale in ("1", *args.scales):
        crfs = [max(0, crf - FINER[scale]) for crf in args.crf]
        points[scale] = [measured.point(scale, crf) for crf in crfs]
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
