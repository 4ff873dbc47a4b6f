"""BD-rates of a ladder, as a result for the docs: what ``videocodec ladder`` wrote into a folder.

    python -m tools.bench.ladder DIR [--below 60k] [--figures lpips vmaf] [--results FILE]
    python -m tools.bench.ladder DIR --against OTHER_DIR [--figures lpips vmaf] [--results FILE]

The first form compares the first codec of the ladder with every other one, a table for each figure.
The second compares it with itself in another ladder of the same clips, made with other options.
Percent of bytes at equal quality, negative where the first takes fewer; clips of which curves
cannot be compared say why.  The result has the command, commit and machine of the ladder.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from tools.bench.markdown import Cell, Table
from tools.bench.options import bench_parser, command, parse
from tools.bench.results import Results, save
from videocodec.cli.common import amount
from videocodec.ladder.analysis import codec_curve
from videocodec.ladder.curves import bd_rate
from videocodec.ladder.metrics import Figure

PERCENT = "{:+.1f} %"


class Ladder:
    """The results.json of a folder."""

    def __init__(self, folder: Path) -> None:
        self.found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        self.clips = [clip["name"] for clip in self.found["clips"]]
        self.codecs = [codec["name"] for codec in self.found["codecs"]]
        self.figures = {one["name"]: Figure(**one) for one in self.found["figures"]}

    def label(self, codec: str) -> str:
        """Name and preset of a codec."""
        (one,) = (c for c in self.found["codecs"] if c["name"] == codec)
        return " ".join(filter(None, [one["name"], one.get("preset")]))

    def delta(
        self, clip: str, codec: str, figure: Figure, other: Ladder, reference: str, below: float
    ) -> Cell:
        """BD-rate of a codec here against one of another ladder, or why there is none."""
        tested = codec_curve(self.found["records"], clip, codec, figure).curve
        other_curve = codec_curve(other.found["records"], clip, reference, figure).curve
        delta = bd_rate(tested, other_curve, below)
        return delta.reason if delta.value is None else delta.value


def mean(cells: Sequence[Cell]) -> Cell:
    """Of the cells that are numbers; None if there are none."""
    numbers = [cell for cell in cells if isinstance(cell, float)]
    return fmean(numbers) if numbers else None


def against_others(ladder: Ladder, figure: Figure, below: float) -> Table:
    """A row for each clip, a column for each other codec."""
    first, *others = ladder.codecs
    table = Table(["clip", *map(ladder.label, others)], ["{}", *[PERCENT] * len(others)])
    rows = [
        [ladder.delta(clip, first, figure, ladder, other, below) for other in others]
        for clip in ladder.clips
    ]
    for clip, row in zip(ladder.clips, rows, strict=True):
        table.add(clip, *row)
    table.add("mean", *map(mean, zip(*rows, strict=True)))
    return table


def against_itself(ladder: Ladder, other: Ladder, figures: Sequence[Figure]) -> Table:
    """A row for each figure, a column for each clip."""
    codec = ladder.codecs[0]
    heads = ["BD-rate by", *ladder.clips, "mean"]
    table = Table(heads, ["{}", *[PERCENT] * (len(heads) - 1)])
    for figure in figures:
        row = [ladder.delta(clip, codec, figure, other, codec, np.inf) for clip in ladder.clips]
        table.add(figure.label, *row, mean(row))
    return table


def result(ladder: Ladder, name: str, tables: dict[str, Table]) -> Results:
    """The tables with where they come from."""
    found = ladder.found
    machine = {key: found["machine"].get(key) for key in ("processor", "cores", "system", "python")}
    program, *words = found["command"]
    return Results(
        name,
        command(Path(program).name, words),
        found["created"][:10],
        found["commit"],
        machine=machine,
        clips={clip["name"]: clip["sha256"] for clip in found["clips"]},
        notes=["Hashes of clips are those of the ladder: of frames, rate and colour."],
        tables=tables,
    )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("ladder", __doc__)
    cli.add_argument("folder", type=Path, metavar="DIR", help="as of videocodec ladder --output")
    cli.add_argument("--against", type=Path, metavar="DIR", help="another such folder")
    cli.add_argument("--figures", nargs="+", metavar="NAME", help="as in results.json")
    cli.add_argument(
        "--below", type=amount, metavar="RATE", help="only where the first takes fewer bits/s"
    )
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare and print."""
    cli = parser()
    args = parse(cli, arguments)
    if args.against and args.below:
        cli.error("--against and --below exclude each other")
    ladder = Ladder(args.folder)
    figures = [ladder.figures[name] for name in args.figures or ladder.figures]
    if args.against:
        tables = {"figures": against_itself(ladder, Ladder(args.against), figures)}
    else:
        below = args.below / 1000 if args.below else np.inf
        tables = {figure.name: against_others(ladder, figure, below) for figure in figures}
    for name, table in tables.items():
        print(f"\n{name}\n\n{table.markdown()}")
    if args.results is not None:
        save(result(ladder, args.bench, tables), args.results)


if __name__ == "__main__":
    main()
