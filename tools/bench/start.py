"""How long a command takes to its first frame: `encode` and `decode` of one frame, and the player
until it has one.

    python -m tools.bench.start [--runs 5] [--model NAME] [--before CHECKOUT]
        [--results]

Every program is a new process; seconds of processor time are what other programs on the machine
disturb least.  With another checkout of the repository, the two take turns.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import ROOT, Report
from videocodec.models.bundle import ModelBundle
from videocodec.models.default import DEFAULT_MODEL

_SIZE = 512, 288
_CLI = "import sys; from videocodec.cli import main; main(sys.argv[1:])"
_PLAYER = """
import sys
from videocodec.player.opening import DecodingOptions, opened_files
from videocodec.player.played import Settings
from videocodec.player.server import PlayerServer
settings = Settings()
with opened_files(sys.argv[1:], settings, DecodingOptions(None, False, 0, "cpu", None)) as files:
    files[0].png(0, settings)
"""


def timed(tree: Path, program: str, arguments: Sequence[str]) -> tuple[float, float]:
    """Wall-clock and processor seconds of a new process that runs a program with the package of a
    checkout.
    """
    before, begin = _children(), time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", program, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
    )
    return time.perf_counter() - begin, _children() - before


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _commands(folder: Path, model: str) -> dict[str, tuple[str, list[str]]]:
    """What is run, with files in a folder: by its name a program and its arguments."""
    folder.mkdir()
    clip, coded, decoded = (str(folder / name) for name in ("clip.y4m", "coded.mp4", "decoded.y4m"))
    width, height = _SIZE
    header = f"YUV4MPEG2 W{width} H{height} F25:1 C420\nFRAME\n".encode()
    Path(clip).write_bytes(header + bytes([128]) * (width * height * 3 // 2))
    return {
        "encode": (_CLI, ["encode", clip, coded, "-y", "--model", model]),
        "decode": (_CLI, ["decode", coded, decoded, "-y"]),
        "play": (_PLAYER, [coded]),
    }


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("start", __doc__ or "")
    made.add_argument("--runs", type=int, default=5, metavar="N", help="of each; the best counts")
    made.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME")
    made.add_argument("--before", type=Path, metavar="CHECKOUT", help="measured too, in turns")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    args = parse(parser(), arguments)
    trees = {"now": ROOT} | ({"before": args.before.resolve()} if args.before else {})
    table = Table(
        ["command", "checkout", "seconds", "processor seconds", "median of these"],
        ["{}", "{}", "{:.2f}", "{:.2f}", "{:.2f}"],
    )
    with tempfile.TemporaryDirectory() as folder:
        # Each checkout has files of its own: weights under one name may differ.
        commands = {tree: _commands(Path(folder) / tree, args.model) for tree in trees}
        for name in next(iter(commands.values())):
            runs: dict[str, list[tuple[float, float]]] = {tree: [] for tree in trees}
            for _ in range(args.runs):
                for tree, path in trees.items():
                    runs[tree].append(timed(path, *commands[tree][name]))
            for tree, found in runs.items():
                walls, processor = zip(*found, strict=True)
                median = statistics.median(processor)
                table.add(name, tree, min(walls), min(processor), median)
    report = Report(args, models=[ModelBundle.find(args.model)])
    report.table("start", table)
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
