"""The encodes of ``tools.bench.panel``: made, checked and measured by the ladder."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Unpack

from tools.bench.markdown import Table
from videocodec.ladder.api import ladder
from videocodec.ladder.metrics import Figure, all_metrics
from videocodec.ladder.schema import Record
from videocodec.ladder.settings import LadderChoice

FRAMES = 33
METRICS = ("vmaf", "ssimulacra2", "lpips", "xpsnr", "psnr", "ms_ssim", "flicker")


def figures(metrics: Collection[str] = METRICS) -> list[Figure]:
    """Those of the metrics which are members of the panel."""
    return [
        figure
        for name, metric in all_metrics().items()
        if name in metrics
        for figure in metric.figures
        if figure.in_panel
    ]


def metrics_of(args: argparse.Namespace) -> tuple[str, ...]:
    """The usual metrics, and those of ``--also``."""
    return (*METRICS, *(name for name in args.also if name not in METRICS))


def rungs(records: Sequence[Record], metrics: Collection[str] = METRICS) -> Table:
    """Every encode with its bitrate and figures."""
    members = figures(metrics)
    table = Table(
        ["clip", "codec", "crf", "kbit/s", *(figure.name for figure in members)],
        ["{}", "{}", "{:g}", "{:.2f}", *(f"{{:.{figure.decimals}f}}" for figure in members)],
    )
    for record in records:
        means = [
            round(record["quality"][figure.name]["mean"], 5)
            if figure.name in record["quality"]
            else None
            for figure in members
        ]
        rate = round(record["bitrate_bps"] / 1000, 3)
        table.add(record["clip"], record["codec"], record["value"], rate, *means)
    return table


def measured(
    args: argparse.Namespace,
    paths: Sequence[Path],
    folder: str,
    metrics: Sequence[str],
    **choice: Unpack[LadderChoice],
) -> list[Record]:
    """Records of a ladder over the clips, all of them successful.  Raises ``SystemExit``."""
    asked: LadderChoice = {**choice, "max_frames": FRAMES}
    results = ladder(
        paths,
        args.work / folder,
        metrics=metrics,
        metric_files={"lpips-weights": args.lpips},
        pictures=1,
        sheets=0,
        jobs=args.jobs,
        progress=lambda now: print(
            f"\r{now.done} of {now.total}: {now.label:40}", end="", file=sys.stderr
        ),
        **asked,
    )
    print(file=sys.stderr)
    for record in results["records"]:
        if record["error"] is not None:
            raise SystemExit(f"{record['id']}: {record['error']}")
    return results["records"]


def time_taken(begin: float) -> str:
    """How long a run took that began at ``time.monotonic() == begin``, in words.

    Processor time is of this process and of all that it started and that have ended.
    """
    wall, processor = time.monotonic() - begin, sum(os.times()[:4])
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"It took {wall / 60:.1f} minutes, and {processor / 60:.1f} minutes of processor time, on"
        f" {cores} cores; what --work had already was not made again."
    )


def identities(args: argparse.Namespace) -> dict[str, str]:
    """Metric → what its figures depend on."""
    every = all_metrics({"lpips-weights": str(args.lpips)})
    return {
        name: json.dumps(every[name].identity(), sort_keys=True)
        for name in metrics_of(args)
        if every[name].missing() is None
    }
