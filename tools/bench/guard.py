"""What a guard costs, and whether it keeps its promise: every square of an independently decoded
file is measured again.

    python -m tools.bench.guard --clips CLIPS [--only NAME …] [--guard ssim=0.9] [--crf 44]
        [--model NAME] [--preset medium] [--max-frames 17] [--results]

Exit status 1 if a square does not hold and is not listed in the file.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tools.bench.markdown import Table
from tools.bench.options import add_clips, bench_parser, clip_paths, parse
from tools.bench.results import Report
from videocodec.encoder.api import encode
from videocodec.encoder.square_measures import square_measures
from videocodec.guard import GuardLimit
from videocodec.inspection.info import info
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.presets import PRESETS
from videocodec.reader.reader import VideoReader


def short(path: Path, source: Path, limit: GuardLimit) -> set[tuple[int, int, int]]:
    """Frame, row and column of every square of a file that falls short of a limit."""
    found: set[tuple[int, int, int]] = set()
    with VideoReader(path, device="cpu") as decoded, VideoSource(source) as frames:
        for index, (frame, original) in enumerate(zip(decoded, frames, strict=False)):
            picture = np.ascontiguousarray(frame.data.transpose(1, 2, 0))
            measures = square_measures(limit.measure, picture, original.rgb)
            found |= {(index, int(r), int(c)) for r, c in np.argwhere(measures < limit.least)}
    return found


def listed(path: Path) -> tuple[int, set[tuple[int, int, int]]]:
    """How many squares a file has, and those that it says do not hold."""
    guard = info(path, headers_only=True).guard
    if guard is None:
        raise ValueError(f"{path}: says nothing of a guard")
    return guard.squares, {
        (each.frame, *square) for each in guard.frames for square in each.squares
    }


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("guard", __doc__ or "")
    add_clips(made)
    made.add_argument("--guard", type=GuardLimit.parse, default=GuardLimit("ssim", 0.9))
    made.add_argument("--crf", type=int, default=44)
    made.add_argument("--model", default="embedded", metavar="NAME")
    made.add_argument("--preset", choices=PRESETS, default="medium")
    made.add_argument("--max-frames", type=int, default=17, metavar="N")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    args = parse(parser(), arguments)
    clips, broken = clip_paths(args), 0
    table = Table(
        ["clip", "squares", "short without", "listed with", "not listed", "bytes", "with", "times"],
        ["{}", "{}", "{}", "{}", "{}", "{}", "{}", "{:.2f}"],
    )
    with tempfile.TemporaryDirectory() as folder:
        for clip in clips:
            sizes, falling = [], []
            for guard in (None, str(args.guard)):
                coded = Path(folder) / f"{clip.stem}-{guard}.mp4"
                report = encode(
                    clip,
                    coded,
                    crf=args.crf,
                    preset=args.preset,
                    model=args.model,
                    max_frames=args.max_frames,
                    guard=guard,
                    device="cpu",
                )
                sizes.append(report.video_bytes)
                falling.append(short(coded, clip, args.guard))
            squares, known = listed(coded)
            unlisted = len(falling[1] - known)
            broken += unlisted
            row = (clip.stem, squares, len(falling[0]), len(known), unlisted)
            table.add(*row, *sizes, sizes[1] / sizes[0])
            print(row, sizes, file=sys.stderr, flush=True)
    report_of = Report(args, models=[ModelBundle.find(args.model)], clips=clips)
    report_of.table("guard", table)
    report_of.save()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
