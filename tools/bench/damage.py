"""What damage costs: access units flipped, zeroed, forged, cut, dropped, swapped and repeated at
random, files cut at random bytes, and how near concealed pictures come to those that were lost.

    python -m tools.bench.damage --trials 5000 [--results]
    python -m tools.bench.damage --cuts 150 [--results]
    python -m tools.bench.damage --quality samples/portrait.mp4 [--size 256x144] [--results]

The first form fails if a frame is lost outside of what depends on the damage; the second if
``videocodec repair`` recovers less than is there; the third compares methods of concealment.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from tools.bench.damage_concealment import measure_quality
from tools.bench.damage_cuts import run_cuts, without_tables
from tools.bench.damage_trials import Tally, run_trials
from tools.bench.damaged_clips import coded_clip, scaled_clip
from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import RESULTS, Report
from videocodec.models.bundle import ModelBundle

LOST = (1, 4, 16, 40)  # frames in a row


def trials(count: int, seed: int, *, remember: bool) -> tuple[Table, bool]:
    """A row for each kind of damage, and whether all went well."""

    def progress(number: int) -> None:
        if number % 250 == 0:
            print(f"{number} trials", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as folder:
        coded = coded_clip(Path(folder))
        tallies = run_trials(coded, count, seed, remember=remember, progress=progress)
    names = [field.name for field in fields(Tally)]
    every = {name: sum(getattr(t, name) for t in tallies.values()) for name in names}
    table = Table(
        [
            "damage",
            "trials",
            "frames outside",
            "of these lost",
            "frames that depend on it",
            "concealed and marked",
            "exact",
            "wrong, not marked",
            "trials refused as a whole",
        ]
    )
    for kind, t in {**tallies, "all": Tally(**every)}.items():
        table.add(
            kind,
            t.trials,
            t.outside,
            t.lost_outside,
            t.dependent,
            t.concealed,
            t.exact,
            t.wrong_inside,
            t.refused,
        )
    return table, not every["lost_outside"] and not every["wrong_inside"]


def cuts(count: int, seed: int) -> tuple[Table, bool]:
    """A row for a file with its tables and one without, and whether all went well."""
    table = Table(
        [
            "file",
            "cuts",
            "frames there",
            "recovered by repair",
            "wrong",
            "readable without repair",
            "neither, and repair not named",
        ]
    )
    good = True
    with tempfile.TemporaryDirectory() as name:
        coded = coded_clip(Path(name), sound=True)
        files = {
            "as it is written, tables first": coded,
            "killed while it was written, no tables": without_tables(coded, Path(name) / "n.mp4"),
        }
        for kind, path in files.items():
            t = run_cuts(path, coded, count, seed)
            table.add(kind, t.cuts, t.possible, t.recovered, t.wrong, t.readable, t.unclear)
            good &= t.wrong == 0 and t.recovered == t.possible
    return table, good


def concealment(clips: Sequence[Path], size: tuple[int, int], frames: int) -> Table:
    """A row for each clip and number of lost frames, PSNR in dB."""
    methods = ["interpolated", "repeated", "grey"]
    table = Table(
        ["clip and frames lost", "clip", "frames lost", "pictures", *methods],
        ["{}"] * 4 + ["{:.2f} dB"] * 3,
    )
    for clip in clips:
        with tempfile.TemporaryDirectory() as name:
            coded = scaled_clip(clip, Path(name), *size, frames)
            for q in measure_quality(coded, LOST):
                values = q.interpolated, q.repeated, q.grey
                table.add(f"{clip.stem} {q.length}", clip.stem, q.length, q.pictures, *values)
    return table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("damage", __doc__)
    form = cli.add_mutually_exclusive_group(required=True)
    form.add_argument("--trials", type=int, metavar="N")
    form.add_argument("--cuts", type=int, metavar="N")
    form.add_argument("--quality", type=Path, nargs="+", metavar="CLIP")
    cli.add_argument("--size", default="256x144", help="of the clips for --quality")
    cli.add_argument("--frames", type=int, default=100, help="of the clips for --quality")
    cli.add_argument("--full", action="store_true", help="decode everything anew in every trial")
    cli.add_argument("--seed", type=int, default=0)
    return cli


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for → 1 if anything was lost that need not be."""
    args = parse(parser(), arguments)
    form = "trials" if args.trials else "cuts" if args.cuts else "quality"
    if args.results == RESULTS / "damage.json":
        args.results = RESULTS / f"damage-{form}.json"
    report = Report(args, models=[ModelBundle.find("embedded")], clips=args.quality or ())
    good = True
    if args.trials:
        table, good = trials(args.trials, args.seed, remember=not args.full)
    elif args.cuts:
        table, good = cuts(args.cuts, args.seed)
    else:
        width, height = map(int, args.size.split("x"))
        table = concealment(args.quality, (width, height), args.frames)
    report.table(form, table)
    report.save()
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
