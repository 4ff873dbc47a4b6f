"""``videocodec merge``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import UnfinishedPlanError
from .common import add_farm_options, print_json, progress_bar
from .encode_report import print_report

UNFINISHED = 75  # EX_TEMPFAIL of sysexits.h: try again later


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "merge",
        help="make the file of a plan whose chunks are encoded",
        description=(
            "Check all chunks of a plan, write the file with sound and subtitles, and verify it."
            f" Exit status {UNFINISHED} while chunks are missing or damaged, or where rate control"
            " needs another pass: run encode-chunk again for the chunks that are named, or for all,"
            " and then merge."
        ),
    )
    parser.add_argument("plan", metavar="PLAN.json", help="the plan")
    parser.add_argument(
        "output", metavar="OUTPUT", help="the file to write, for example clip.lv.mp4"
    )
    add_farm_options(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="overwrite the output")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Merge and print what the encode made, or what is missing."""
    from ..farm.merging import merge_chunks
    from ..farm.plan import FarmPlan
    from ..farm.store import FarmStore
    from ..farm.worker import Machine

    plan = FarmPlan.read(Path(args.plan))
    machine = Machine(None if args.source is None else Path(args.source), args.model)
    store = FarmStore(args.store, plan.id)
    try:
        with progress_bar("verifying", quiet=args.json and not sys.stderr.isatty()) as progress:
            report = merge_chunks(
                plan, store, Path(args.output), machine, overwrite=args.yes, progress=progress
            )
    except UnfinishedPlanError as error:
        if args.json:
            facts = {"pass": error.pass_number, "unfinished": list(error.chunks)}
            print_json({"plan": args.plan, **facts})
        print(f"videocodec: {args.plan}: {error}", file=sys.stderr)
        return UNFINISHED
    print_report(report, args.plan, args.output, as_json=args.json)
    return 1 if report.losses else 0
