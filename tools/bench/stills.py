"""A ladder of still pictures as a result for the docs: what ``videocodec ladder --stills`` wrote
into a folder.

    python -m tools.bench.stills DIR [--figures ssimulacra2 lpips] [--results FILE]

A table for each figure: a row for each size, a column for each codec, the mean over the pictures;
empty where a codec has not all of them so small.  Another table says where each codec ends.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from tools.bench.markdown import Cell, Table
from tools.bench.options import bench_parser, command, parse
from tools.bench.results import Results, save
from videocodec.ladder.stills.schema import StillRecord, StillResults


def by_size(found: StillResults, figure: str) -> Table:
    """Means of a figure over the pictures, at each size by each codec."""
    decimals = next(one["decimals"] for one in found["figures"] if one["name"] == figure)
    codecs = found["codecs"]
    cell = f"{{:.{decimals}f}}"
    table = Table(["bytes", *(one["label"] for one in codecs)], ["{}", *[cell] * len(codecs)])
    for target in found["targets"]:
        table.add(target, *(_mean(found, target, one["name"], figure) for one in codecs))
    return table


def smallest(found: StillResults) -> Table:
    """Where each codec ends, the means over the pictures."""
    table = Table(["codec", "picture, bytes", "whole file, bytes"], ["{}", "{:.0f}", "{:.0f}"])
    for codec in found["codecs"]:
        ends = _records(found, None, codec["name"])
        if ends:
            pictures = [one["picture_bytes"] or 0 for one in ends]
            table.add(
                codec["label"], fmean(pictures), fmean(one["file_bytes"] or 0 for one in ends)
            )
    return table


def _mean(found: StillResults, target: int, codec: str, figure: str) -> Cell:
    values = [
        one["quality"][figure] for one in _records(found, target, codec) if figure in one["quality"]
    ]
    return fmean(values) if len(values) == len(found["pictures"]) else None


def _records(found: StillResults, target: int | None, codec: str) -> list[StillRecord]:
    return [
        one
        for one in found["records"]
        if one["target"] == target and one["codec"] == codec and one["error"] is None
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    cli = bench_parser("stills", __doc__ or "")
    cli.add_argument("folder", type=Path, metavar="DIR", help="as of ladder --stills --output")
    cli.add_argument("--figures", nargs="+", metavar="NAME", help="as in results.json")
    args = parse(cli, arguments)
    found: StillResults = json.loads((args.folder / "results.json").read_text(encoding="utf-8"))
    figures = args.figures or [one["name"] for one in found["figures"]]
    tables = {figure: by_size(found, figure) for figure in figures}
    tables["smallest"] = smallest(found)
    for name, table in tables.items():
        print(f"\n{name}\n\n{table.markdown()}")
    if args.results is not None:
        program, *words = found["command"]
        model = next(one["versions"] for one in found["codecs"] if one["name"] == "videocodec")
        result = Results(
            args.bench,
            command(program, words),
            found["created"][:10],
            found["commit"],
            machine={key: found["machine"].get(key) for key in ("processor", "cores", "python")},
            model={model["model"]: model["model_sha256"]},
            clips={one["name"]: one["sha256"] for one in found["pictures"]},
            notes=["Hashes are of the pictures' sizes and samples."],
            tables=tables,
        )
        save(result, args.results)


if __name__ == "__main__":
    main()
