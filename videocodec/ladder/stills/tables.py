"""What a ladder of still pictures found, as CSV and as tables for the terminal."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from ..records import NOT_ASKED_FOR
from ..schema import FigureEntry
from ..tables import table
from .schema import StillRecord, StillResults

_COLUMNS = (
    "id",
    "picture",
    "codec",
    "target",
    "setting",
    "resolution",
    "width",
    "height",
    "picture_bytes",
    "file_bytes",
)


def as_csv(results: StillResults) -> str:
    """A line for each record."""
    figures = [figure["name"] for figure in results["figures"]]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_COLUMNS, *figures, *_KINDS, "error"])
    for one in results["records"]:
        provenance = one["provenance"] or {}
        cells = [dict(one)[column] for column in _COLUMNS]
        cells += [one["quality"].get(name) for name in figures]
        writer.writerow([*cells, *(provenance.get(kind) for kind in _KINDS), one["error"]])
    return text.getvalue()


_KINDS = ("transmitted", "predicted", "generated", "concealed")


def terminal(results: StillResults) -> str:
    """The report for a terminal: a line for each record, failures, and what was not measured."""
    figures = results["figures"]
    head = ["encode", "bytes", "whole file", "coded at", "setting"]
    rows = [[*head, *(figure["label"] for figure in figures), "made up"]]
    names = {codec["name"]: codec["setting_name"] for codec in results["codecs"]}
    for one in results["records"]:
        if one["error"] is None:
            rows.append(
                [
                    one["id"],
                    f"{one['picture_bytes']}",
                    f"{one['file_bytes']}",
                    f"{one['width']}x{one['height']}",
                    f"{names[one['codec']]} {one['setting']:g}",
                    *(value_of(one, figure) for figure in figures),
                    made_up(one),
                ]
            )
    return "\n".join([table(rows), *_remarks(results)])


def value_of(record: StillRecord, figure: FigureEntry) -> str:
    """A figure of a record, a dash where there is none."""
    value = record["quality"].get(figure["name"])
    return "–" if value is None else f"{value:.{figure['decimals']}f}"


def made_up(record: StillRecord) -> str:
    """The share of a picture that its provenance says is generated, a dash for codecs without."""
    provenance = record["provenance"]
    return "–" if provenance is None else f"{100 * provenance['generated']:.0f} %"


def _remarks(results: StillResults) -> Iterator[str]:
    for one in results["records"]:
        if one["error"] is not None:
            yield f"failed: {one['picture']}, {one['codec']}: {one['error']}"
    for missing in results["not_measured"]:
        if missing["reason"] != NOT_ASKED_FOR:
            place = f" on {missing['clip']}" if missing["clip"] else ""
            yield f"not measured: {missing['metric']}{place}: {missing['reason']}"
