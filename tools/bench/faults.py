"""Kills encoders and decoders at random moments and looks at what they leave; measures how long
Ctrl-C takes.

    python -m tools.bench.faults [--trials 100] [--only "encode,decode,encode --jobs 2"]
        [--signals KILL,INT,TERM,HUP] [--cold 10] [--results]

A trial starts the command in a folder with other files of the user's, sends the signal at a random
moment of its life, to all its processes as a terminal does, and then checks: the target is not
there, or is what an undisturbed run makes; with -y the old one is there as it was, or the new one
as a whole (every other trial has an old one); other files are untouched; after a signal that can be
caught nothing else is in the folder but what --resume takes over, and the status is the signal's
(130 for Ctrl-C).  In the end a run on what the trials left gives the right bytes and clears
everything away.  Half of the moments are spread over the whole run, half over what follows the
first sign of work in the folder.

Most of a run is loading PyTorch, seconds that are the same every time.  So trials run in copies of
a process that has loaded it (the command line's own ``main`` in a new process of a new session),
and ``--cold`` more of each command begin with ``python -m videocodec``. Exit status 1 if anything
was wrong.  POSIX only.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tools.bench.fault_commands import Starter, listen
from tools.bench.fault_trials import FRAMES, CommandTrials, Tally
from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import Report
from tools.bench.synthetic_clips import make_clip

COMMANDS = ("encode", "decode", "encode --jobs 2")
COLUMNS = (
    "command and signal",
    "trials",
    "no target",
    "old target",
    "new target, whole",
    "of them before the signal",
    "left parts to resume",
    "left files for the next run to remove",
    "median s to the end",
    "worst",
    "wrong",
)


def run(
    commands: list[str],
    signals: list[signal.Signals],
    trials: int,
    seed: int,
    *,
    cold: bool = False,
    seconds: float | None = None,
) -> dict[tuple[str, str], Tally]:
    """All trials → what became of them by command and signal; Ctrl-C ends them early.  seconds: an
    end to those of one command and signal, if they take long.
    """
    from videocodec import encode

    work = Path(tempfile.mkdtemp(prefix="videocodec-faults-"))
    tallies: dict[tuple[str, str], Tally] = {}
    clip, coded = work / "clip.mp4", work / "clip.lv.mp4"
    starter = Starter(cold)
    try:
        make_clip(clip, 1, 64, 48)
        encode(
            clip,
            coded,
            max_frames=int(FRAMES),
            gop_size=4,
            preset="ultrafast",
            threads=1,
            device="cpu",
            model="embedded",
        )
        for command in commands:
            folder = work / command.replace(" ", "")
            bench = CommandTrials(command, folder, clip, coded, starter, random.Random(seed))
            for number in signals:
                tally, begin = tallies.setdefault((command, number.name), Tally()), time.monotonic()
                for index in range(trials):
                    if seconds is not None and time.monotonic() - begin > seconds:
                        break
                    bench.trial(number, tally, index)
                bench.finish(tally)
    except KeyboardInterrupt:
        pass
    finally:
        starter.close()
        shutil.rmtree(work, ignore_errors=True)
    return tallies


def tabled(tallies: dict[tuple[str, str], Tally]) -> Table:
    """A row for each command and signal."""
    table = Table(COLUMNS, ["{}"] * 8 + ["{:.2f}"] * 2 + ["{}"])
    for (command, number), one in tallies.items():
        took = sorted(one.seconds) or [float("nan")]
        table.add(
            f"{command}, {number}",
            one.trials,
            one.absent,
            one.old,
            one.whole,
            one.too_late,
            one.resumable,
            one.leftovers,
            statistics.median(took),
            took[-1],
            len(one.wrong),
        )
    return table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("faults", __doc__)
    add = cli.add_argument
    add("--trials", type=int, default=100, help="of each command by each signal (default: 100)")
    add(
        "--cold", type=int, default=10, help="trials more that begin with the program (default: 10)"
    )
    add("--only", default=",".join(COMMANDS), help=f"commands (default: {','.join(COMMANDS)})")
    add("--signals", default="KILL,INT", help="signals (default: KILL,INT)")
    add("--seconds", type=float, help="stop the trials of one command by one signal after so long")
    add("--seed", type=int, default=0)
    return cli


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything → exit status."""
    args = parse(parser(), arguments)
    listen()
    report = Report(args)
    signals = [signal.Signals[f"SIG{name}"] for name in args.signals.split(",")]
    commands, wrong = args.only.split(","), 0
    for cold, trials in ((False, args.trials), (True, args.cold)):
        if not trials:
            continue
        begin = time.monotonic()
        tallies = run(commands, signals, trials, args.seed, cold=cold, seconds=args.seconds)
        title = "from the very start" if cold else "from when PyTorch is loaded"
        took = time.monotonic() - begin
        report.table("cold" if cold else "loaded", tabled(tallies), f"{title}, in {took:.0f} s:")
        for one in tallies.values():
            for line in one.wrong:
                report.note(f"WRONG: {line}")
        wrong += sum(len(one.wrong) for one in tallies.values())
    report.save()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
