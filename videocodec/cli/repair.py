"""``videocodec repair``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from .common import counted, print_json

_SPANS_SHOWN = 20


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "repair",
        help="recover what is whole of a damaged or cut-off latent-video file",
        description=(
            "Write what can be recovered of a latent-video file that is cut off, has lost its"
            " tables or is damaged into a new file. Frames keep their times. The input is only"
            " read. Exit status 0 if anything was recovered."
        ),
    )
    parser.add_argument(
        "input",
        metavar="INPUT",
        help="the file, or the folder NAME.chunks that an interrupted encode left",
    )
    parser.add_argument(
        "output", metavar="OUTPUT", help="the file to write, for example repaired.lv.mp4"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="overwrite the output")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Repair and say what was recovered and what was not."""
    from ..inspection.repair import repair

    report = repair(args.input, args.output, overwrite=args.yes)
    for track in report.skipped_tracks:
        print(f"videocodec: warning: {args.output}: not copied: {track}", file=sys.stderr)
    for span in report.lost[:_SPANS_SHOWN]:
        frames = "" if span.frames is None else f", about {counted(span.frames, 'frame')}"
        print(
            f"videocodec: warning: {args.input}: lost: {span.begin_seconds:.3f} s to"
            f" {span.end_seconds:.3f} s{frames}",
            file=sys.stderr,
        )
    if len(report.lost) > _SPANS_SHOWN:
        print(
            f"videocodec: warning: {args.input}: lost: {len(report.lost) - _SPANS_SHOWN} more spans"
            " (--json lists them)",
            file=sys.stderr,
        )
    if not report.has_sound_tables:
        print(
            f"videocodec: warning: {args.input}: no tables that lead to sound or subtitles: the"
            " picture alone is recovered",
            file=sys.stderr,
        )
    if args.json:
        print_json({"input": args.input, "output": args.output, **asdict(report)})
        return 0
    how = "searched for by their checksums" if report.searched else "found by its tables"
    print(
        f"{args.output}: {counted(report.frames, 'frame')} in"
        f" {counted(report.access_units, 'access unit')} recovered, {how}; it lasts"
        f" {report.seconds:.3f} s"
    )
    if report.left_out:
        print(
            f"  {counted(report.left_out, 'access unit')} left out: repeated, or whole but of no"
            " use without what was lost"
        )
    for track in report.tracks:
        print(f"  with {track}")
    if report.model_attached:
        print("  with the attached model")
    return 0
