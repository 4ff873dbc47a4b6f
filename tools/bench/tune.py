"""What aiming at pictures is worth: every ``--tune`` against ``--tune none``, in all measures of
the panel.

    python -m tools.bench.tune --clips DIR --lpips FILE [--only NAME …] [--tunes balanced psnr ssim]
        [--crf 31 39 47 55] [--preset medium] [--max-frames 33] [--work DIR] [--results]

A figure is a BD-rate in percent of bytes over the qualities that both reach; less is better.  The
panel is its mean over the measures, of ratios.  ``--work`` keeps what was measured, so that an
interrupted run goes on; the folder is of one commit and one model.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.bench.ablation import by_figure
from tools.bench.measured_clip import MeasuredClip, Measurements, savings
from tools.bench.options import add_clips, add_lpips, bench_parser, clip_paths, parse
from tools.bench.panel_encodes import METRICS
from tools.bench.results import ROOT, Report
from videocodec.encoder.settings import TUNES
from videocodec.ladder.metrics import Figure
from videocodec.models.bundle import ModelBundle
from videocodec.models.default import DEFAULT_MODEL
from videocodec.presets import PRESETS

_NONE = "none"
_TUNES = [tune for tune in TUNES if tune not in (_NONE, "perceptual")]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("tune", __doc__ or "")
    add_clips(made)
    add_lpips(made)
    made.add_argument("--tunes", nargs="+", choices=_TUNES, default=_TUNES)
    made.add_argument("--crf", type=int, nargs="+", default=[31, 39, 47, 55])
    made.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME_OR_DIR")
    made.add_argument("--preset", choices=PRESETS, default="medium")
    made.add_argument("--max-frames", type=int, default=33, metavar="N")
    made.add_argument("--metrics", nargs="+", metavar="NAME", default=list(METRICS))
    made.add_argument("--work", type=Path, default=ROOT / "out" / "tune")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    args = parse(parser(), arguments)
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    clips = [path for path in clip_paths(args) if args.only or path.stem != "crew_4cif"]
    report = Report(args, models=[ModelBundle.find(args.model)], clips=clips)
    found: dict[str, dict[str, Mapping[str, float | None]]] = {}
    figures: dict[str, Figure] = {}  # small pictures lack some
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        for source in clips:
            clip = MeasuredClip(source, args.max_frames, Path(name), args.metrics, args.lpips)
            figures |= {figure.name: figure for figure in clip.figures}
            kept = Measurements(clip, args.crf, args.work)
            points = {
                tune: kept.points(
                    f"{args.preset} {tune}", args.model, preset=args.preset, tune=tune
                )
                for tune in (_NONE, *args.tunes)
            }
            found[clip.clip.name] = {
                tune: savings(points[tune], points[_NONE], clip.figures) for tune in args.tunes
            }
            print(clip.clip.name, found[clip.clip.name], file=sys.stderr, flush=True)
            clip.clip.discard_reference()
    for tune in args.tunes:
        report.table(tune, by_figure(found, tune, list(figures)), f"{tune} against {_NONE}")
    report.save()


if __name__ == "__main__":
    main()
