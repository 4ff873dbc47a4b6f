"""``videocodec encode-chunk``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from .common import (
    add_farm_options,
    add_machine_options,
    chunk_numbers,
    counted,
    print_json,
    size,
)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "encode-chunk",
        help="encode chunks of a plan",
        description=(
            "Encode chunks of a plan into a store, as the pass that is on wants them. A chunk that"
            " is finished is left as it is; two workers that do the same one do no harm."
        ),
    )
    parser.add_argument("plan", metavar="PLAN.json", help="the plan")
    parser.add_argument(
        "chunks",
        metavar="N",
        nargs="+",
        type=chunk_numbers,
        help="numbers of chunks from 0 on: 7, or 40:50 for 40 to 49",
    )
    add_farm_options(parser)
    parser.add_argument(
        "--perceptual",
        metavar="FILE",
        help="where the weights to judge pictures by lie on this machine (default: as planned)",
    )
    add_machine_options(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Code the chunks and print a line on each."""
    from ..farm.plan import FarmPlan
    from ..farm.store import FarmStore
    from ..farm.worker import Machine, PlanWorker

    plan = FarmPlan.read(Path(args.plan))
    machine = Machine(
        source=None if args.source is None else Path(args.source),
        model=args.model,
        perceptual=None if args.perceptual is None else Path(args.perceptual),
        device=args.device,
        threads=args.threads,
    )
    reports = []
    with PlanWorker(plan, FarmStore(args.store, plan.id), machine) as worker:
        for report in worker.encode(chain.from_iterable(args.chunks)):
            reports.append(report)
            if not args.json:
                how = f"in {report.seconds:.1f} s" if report.coded else "finished before"
                print(
                    f"chunk {report.index}: {counted(report.frames, 'frame')},"
                    f" {size(report.video_bytes)}, {how}",
                    flush=True,
                )
    if args.json:
        print_json({"plan": args.plan, "chunks": [asdict(report) for report in reports]})
    return 0
