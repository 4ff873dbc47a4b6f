"""What a ladder found, as CSV and as tables for the terminal."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from .analysis_schema import Comparison, Mean
from .metrics import Figure
from .records import NOT_ASKED_FOR
from .schema import LadderResults, Record, Summary

_IDENTITY = ("id", "clip", "codec", "preset", "mode", "value", "scale", "width", "height", "sought")
_TAKEN = (
    "encode_seconds",
    "encode_cpu_seconds",
    "encode_peak_bytes",
    "encode_fps",
    "decode_seconds",
    "decode_cpu_seconds",
    "decode_peak_bytes",
    "decode_fps",
    "passes",
    "crf",
)


def as_csv(records: Sequence[Record], figures: Sequence[Figure]) -> str:
    """A line for each encode, figures as mean, p5 and worst."""
    columns = [*_IDENTITY, "bitrate_bps", "video_bytes", "container_bytes", "missed", *_TAKEN]
    parts = [
        (figure.name, part) for figure in figures for part in ("mean", "p5", "worst", "worst_frame")
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            *columns,
            *(name if part == "mean" else f"{name}_{part}" for name, part in parts),
            "command",
            "error",
        ]
    )
    for one in records:
        cells = [one.get(column) for column in columns]
        cells += [_part(one["quality"].get(name), part) for name, part in parts]
        writer.writerow([*cells, one.get("command"), one["error"]])
    return text.getvalue()


def _part(of_figure: Summary | None, name: str) -> object:
    return None if of_figure is None else of_figure.get(name)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns of equal width; the first row is the head, the first column to the left, the others
    to the right.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def terminal(results: LadderResults) -> str:
    """The report for a terminal: rungs, Bjøntegaard deltas, the panel, what was not measured."""
    parts = [_encodes(results)]
    parts += [
        f"failed: {one['id']}: {one['error']}"
        for one in results["records"]
        if one["error"] is not None
    ]
    if any(one.get("missed") for one in results["records"]):
        parts.append("!: the codec could not be brought to the bitrate asked for")
    parts += _compared(results)
    if results["analysis"]["bd_missing"]:
        parts.append(results["analysis"]["bd_missing"])
    parts += panel_lines(results)
    parts += [target["text"] for target in results["targets"]]
    parts += _remarks(results)
    return "\n".join(parts)


def panel_lines(results: LadderResults) -> Iterator[str]:
    """For every codec but the reference: its mean over the panel, the worst member, and what both
    were tuned for.
    """
    labels = {figure["name"]: figure["label"] for figure in results["figures"]}
    tuned = {codec["name"]: codec["tuned_for"] for codec in results["codecs"]}
    reference = results["analysis"]["reference"]
    for entry in results["analysis"]["panel"]:
        worst = entry["worst"]
        if entry["bd_rate_percent"] is None or worst is None:
            continue
        measured = {name: value for name, value in entry["members"].items() if value is not None}
        line = (
            f"panel: {entry['codec']} against {reference}: {entry['bd_rate_percent']:+.1f} % bytes,"
            f" mean of {len(measured)} measures,"
            f" worst in {labels[worst]} ({measured[worst]:+.1f} %)"
        )
        sides = {"better": entry["better"], "worse": entry["worse"]}
        beyond = [f"{count} {side}" for side, count in sides.items() if count]
        if beyond:
            line += f"; not in it, for lack of overlap: {' and '.join(beyond)} everywhere"
        yield line
        yield f"  {entry['codec']} is tuned for {tuned[entry['codec']]}"
        yield f"  {reference} is tuned for {tuned[reference]}"


def _encodes(results: LadderResults) -> str:
    figures = results["figures"]
    rows = [["encode", "kbit/s", *(figure["label"] for figure in figures), "fps", "MB"]]
    for one in results["records"]:
        if one["error"] is not None:
            continue
        means = {name: values["mean"] for name, values in one["quality"].items()}
        rows.append(
            [
                one["id"],
                f"{one['bitrate_bps'] / 1000:.1f}" + ("!" if one["missed"] else ""),
                *(
                    f"{means[f['name']]:.{f['decimals']}f}" if f["name"] in means else "–"
                    for f in figures
                ),
                f"{one['encode_fps']:.2f}",
                f"{one['encode_peak_bytes'] / 1e6:.0f}",
            ]
        )
    return table(rows)


def _compared(results: LadderResults) -> list[str]:
    """The table of BD-rates with its head, nothing where there is nothing to compare."""
    analysis, figures = results["analysis"], [f["name"] for f in results["figures"]]
    compared = {(row["codec"], row["clip"], row["figure"]): row for row in analysis["comparisons"]}
    means = {(row["codec"], row["figure"]): row for row in analysis["means"]}
    rows = [["", *(figure["label"] for figure in results["figures"])]]
    for codec in [c["name"] for c in results["codecs"] if c["name"] != analysis["reference"]]:
        for clip in [clip["name"] for clip in results["clips"]]:
            cells = (_bd(compared[codec, clip, figure]) for figure in figures)
            rows.append([f"{codec}, {clip}", *cells])
        cells = (_mean(means[codec, figure]) for figure in figures)
        rows.append([f"{codec}, mean", *cells])
    if len(rows) == 1 or not figures:
        return []
    head = f"BD-rate against {analysis['reference']} (negative: fewer bytes; in brackets the"
    return ["", f"{head} overlap)", table(rows)]


def _remarks(results: LadderResults) -> Iterator[str]:
    for missing in results["not_measured"]:
        if missing["reason"] != NOT_ASKED_FOR:
            clip = f" on {missing['clip']}" if missing["clip"] else ""
            yield f"not measured: {missing['metric']}{clip}: {missing['reason']}"
    for speed in results["speeds"]:
        share = speed["share_of_own"]
        if share is not None and not speed["keeps_rule"]:
            yield (
                f"note: {speed['codec']} ran at {100 * share:.0f} % of our own"
                " encoder's speed here: --presets chooses a faster one"
            )


def _bd(comparison: Comparison) -> str:
    delta = comparison["bd_rate_percent"]
    if delta["value"] is None:
        return f"{delta['reason']}: {delta['side']}" if delta["side"] else f"{delta['reason']}"
    return f"{delta['value']:+.1f} % ({100 * delta['overlap']:.0f} %)"


def _mean(mean: Mean) -> str:
    if mean["bd_rate_percent"] is None:
        return "–"
    return f"{mean['bd_rate_percent']:+.1f} % of {mean['clips']}"
