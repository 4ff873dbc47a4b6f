"""``videocodec verify``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from .common import add_model_options, counted, print_json, progress_bar


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "verify",
        help="decode all latents and compare every checksum",
        description=(
            "Decode all latents of a file and compare every checksum. Exit status 0 only if all"
            " hold."
        ),
    )
    parser.add_argument("input", metavar="INPUT", help="the latent-video file")
    add_model_options(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Verify and list what is wrong."""
    from ..inspection.verify import verify

    with progress_bar("verifying") as progress:
        report = verify(
            args.input, model=args.model, force_model=args.force_model, progress=progress
        )
    if args.json:
        print_json({"input": args.input, "ok": report.ok, **asdict(report)})
        return 0 if report.ok else 1
    if report.ok:
        print(
            f"{args.input}: {counted(report.frames, 'frame')} in"
            f" {counted(report.access_units, 'access unit')}, every checksum holds"
        )
        return 0
    for problem in report.problems:
        print(f"videocodec: error: {args.input}: {problem}", file=sys.stderr)
    print(
        f"{args.input}: damaged: {counted(len(report.problems), 'problem')},"
        f" {counted(report.frames, 'frame')} of it can be decoded"
    )
    return 1
