"""How fast the metrics of the ladder are, on one clip, one thread.

    python -m tools.bench.metrics --clip FILE [--lpips FILE] [--frames 33] [--results]

The clip is measured against an x264 encode of itself at crf 35.  Frames per second are of all
frames of the clip, though some metrics look at every third; loading a network is not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import Report
from videocodec.ladder.clips import Clip, as_frames, prepare
from videocodec.ladder.codecs import EncodeTask, codec_named
from videocodec.ladder.metrics import Metric, Pair, all_metrics


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("metrics", __doc__)
    cli.add_argument("--clip", type=Path, required=True)
    cli.add_argument("--lpips", type=Path, help="SqueezeNet weights of LPIPS as safetensors")
    cli.add_argument("--frames", type=int, default=33)
    return cli


def encoded_pair(clip: Clip, folder: Path) -> Pair:
    """The clip and what x264 made of it."""
    codec, coded, decoded = codec_named("x264"), folder / "coded.mp4", folder / "decoded.yuv"
    with contextlib.chdir(folder):
        codec.encode(EncodeTask(clip, 1.0, coded, "crf", 35, "medium", 250, 1, ""))
    with decoded.open("wb") as file:
        for frame in codec.decode(coded, clip, 1, ""):
            file.write(frame.planes().to_ndarray().tobytes())
    reference = clip.reference()
    source = Path(clip.folder) / "reference.yuv"
    return Pair(clip, reference, as_frames(decoded, clip), source, decoded)


def seconds(metric: Metric, pair: Pair) -> float:
    """Of one measurement of a whole clip; a short one before it loads what has to be loaded."""
    short = Pair(
        pair.clip,
        np.array(pair.reference[:2]),
        np.array(pair.distorted[:2]),
        pair.reference_file,
        pair.distorted_file,
    )
    metric.measure(short)
    begin = time.monotonic()
    metric.measure(pair)
    return time.monotonic() - begin


def speeds(metrics: Mapping[str, Metric], pair: Pair) -> Table:
    """Figures of a metric → frames per second, or why it was not measured."""
    table = Table(["metric", "figures", "frames per second", "note"], ["{}", "{}", "{:.1f}", "{}"])
    for name, metric in metrics.items():
        figures = ", ".join(figure.label for figure in metric.figures)
        if (reason := metric.missing(pair.clip)) is not None:
            table.add(name, figures, None, reason)
        else:
            table.add(name, figures, round(len(pair.reference) / seconds(metric, pair), 2), "")
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    args = parse(parser(), arguments)
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    files = {} if args.lpips is None else {"lpips-weights": str(args.lpips)}
    report = Report(args, clips=[args.clip])
    with tempfile.TemporaryDirectory() as folder:
        clip = prepare(args.clip, Path(folder) / "clips", args.frames)
        pair = encoded_pair(clip, Path(folder))
        title = f"{clip.name}, {clip.width}×{clip.height}, {clip.frames} frames"
        report.table("speeds", speeds(all_metrics(files), pair), title)
    report.save()


if __name__ == "__main__":
    main()
