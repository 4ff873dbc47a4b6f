"""Compare this codec with stored results of x264, x265 and SVT-AV1, in all measures of the panel.

    python -m tools.bench.panel --clips DIR --lpips FILE [--crf 28 36 44 52] [--model NAME_OR_DIR]
                                [--work DIR] [--no-sheets] [--also cvvdp] [--results]
    python -m tools.bench.panel --clips DIR --lpips FILE --anchors [--also cvvdp] --results

Run it before and after a change.  It codes the first 33 frames of nine clips (two groups of 16 and
a keyframe: 25 minutes on two cores are not enough for more), with the default preset, at four crfs;
the ladder encodes, checks and measures.  BD-rates are means of ratios over the clips, and over the
members of the panel; below and above 60 kbit/s they count only where this codec takes less, or
more.  "worse" counts pairs of measure and clip that have no BD-rate, since our best rung is below
the anchor's worst; "better" the reverse.

The anchors were measured once, with the same frames and metrics, and are read from
results/anchors.json; ``--anchors`` measures them again.  Clips or metrics other than those that
they were measured with are refused.  ``--also`` measures only metrics whose packages not everybody
has; their figures join those in results/panel.json, or with ``--anchors`` in results/anchors.json,
if the encodes are the same: so they may come from an environment of their own.

``--work`` keeps what was encoded, so that an interrupted run goes on, and gets a folder ``sheets``:
for every clip and two of the crfs the source, this codec and SVT-AV1 preset 5 at the same bytes.
Look at them before you believe the figures.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from tools.bench import panel_anchors, panel_encodes, panel_sheets
from tools.bench.markdown import Table
from tools.bench.options import add_clips, add_lpips, bench_parser, clip_paths, parse
from tools.bench.panel_encodes import (
    METRICS,
    figures,
    identities,
    measured,
    metrics_of,
    rungs,
)
from tools.bench.results import RESULTS, ROOT, Report, hashes
from videocodec.ladder.analysis import analyse
from videocodec.ladder.analysis_schema import Analysis
from videocodec.ladder.schema import DecoderBytes, Record
from videocodec.models.bundle import ModelBundle

OWN = "videocodec"
CRFS = (28, 36, 44, 52)
LIMIT = 60_000  # bits per second
RANGES: dict[str, dict[str, float]] = {
    "all": {},
    "below": {"below": LIMIT},
    "above": {"above": LIMIT},
}
TITLES = {
    "all": "all rates",
    "below": f"below {LIMIT // 1000} kbit/s",
    "above": f"above {LIMIT // 1000} kbit/s",
}
_NOTHING: DecoderBytes = {"model": 0, "code": 0, "libraries": 0}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("panel", __doc__)
    add_clips(cli)
    add_lpips(cli)
    cli.add_argument("--crf", type=int, nargs="+", default=list(CRFS))
    cli.add_argument("--model", default="embedded", metavar="NAME_OR_DIR")
    cli.add_argument("--jobs", type=int, metavar="N", help="processes (default: one a core)")
    cli.add_argument(
        "--work", type=Path, default=ROOT / "out" / "panel", help="folder of everything encoded"
    )
    cli.add_argument("--no-sheets", action="store_true", help="no contact sheets")
    cli.add_argument(
        "--also",
        nargs="+",
        default=[],
        choices=("cvvdp",),
        metavar="METRIC",
        help="metrics beyond the usual ones, whose packages are installed: cvvdp",
    )
    cli.add_argument("--anchors", action="store_true", help="measure the anchors instead")
    cli.add_argument(
        "--again",
        nargs="+",
        default=[],
        choices=METRICS,
        metavar="METRIC",
        help="with --anchors: measure these alone, and keep the anchors' other figures",
    )
    return cli


def compared(
    tested: Sequence[Record],
    anchors: Mapping[str, Sequence[Record]],
    clips: Sequence[str],
    metrics: Collection[str] = METRICS,
) -> dict[str, dict[str, Analysis]]:
    """Range of rates → anchor → analysis of this codec against it."""
    return {
        name: {
            anchor: analyse(
                [*tested, *records],
                clips=clips,
                codecs={OWN: _NOTHING, anchor: _NOTHING},
                figures=figures(metrics),
                reference=anchor,
                **limits,
            )
            for anchor, records in anchors.items()
        }
        for name, limits in RANGES.items()
    }


def table(
    analyses: Mapping[str, Analysis], clips: int, metrics: Collection[str] = METRICS
) -> Table:
    """For every anchor the mean of the panel, the worst member and all members, in percent of
    bytes.  A number of clips stands behind a figure that not all clips have.
    """
    members = figures(metrics)
    labels = {figure.name: figure.label.split(" ")[0] for figure in members}
    table = Table(["against", "panel", "worst member", *labels.values(), "better", "worse"])
    for anchor, analysis in analyses.items():
        entry = next(one for one in analysis["panel"] if one["codec"] == OWN)
        means = {mean["figure"]: mean for mean in analysis["means"] if mean["codec"] == OWN}
        cells = [_percent(entry["members"][figure.name]) for figure in members]
        counts = [means[figure.name]["clips"] for figure in members]
        cells = [
            cell if count in (0, clips) else f"{cell} ({count})"
            for cell, count in zip(cells, counts, strict=True)
        ]
        worst = labels.get(entry["worst"] or "", "–")
        panel = _percent(entry["bd_rate_percent"])
        table.add(anchor, panel, worst, *cells, entry["better"], entry["worse"])
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    args, begin = parse(parser(), arguments), time.monotonic()
    paths = [path for path in clip_paths(args) if args.only or path.stem != "crew_4cif"]
    if args.anchors:
        panel_anchors.measure(args, paths)
        return
    names, metrics = [path.stem for path in paths], metrics_of(args)
    stored = panel_anchors.read(RESULTS / "anchors.json")
    if args.also:
        anchors = panel_anchors.by_codec(stored, names)
    else:
        anchors = panel_anchors.records(stored, hashes(paths), identities(args))
    tested = measured(
        args,
        paths,
        "own",
        args.also or metrics,
        codecs=(OWN,),
        crf=tuple(args.crf),
        gop_size=250,
        model=args.model,
    )
    if args.also:
        known = panel_anchors.by_codec(panel_anchors.read(RESULTS / "panel.json"), names)
        if not panel_anchors.are_joined(tested, known[OWN]):
            raise SystemExit(
                "results/panel.json has other encodes: measure them again, without --also"
            )
    report = Report(args, models=[ModelBundle.find(args.model)], clips=paths)
    publish(report, tested, anchors, names, metrics)
    if not args.no_sheets:
        panel_sheets.write(args, paths, tested)
    report.note(panel_encodes.time_taken(begin))
    report.save()


def publish(
    report: Report,
    tested: Sequence[Record],
    anchors: Mapping[str, Sequence[Record]],
    clips: Sequence[str],
    metrics: Collection[str],
) -> None:
    """Print the tables and keep them."""
    for name, analyses in compared(tested, anchors, clips, metrics).items():
        title = f"BD-rate of {OWN}, {TITLES[name]}, in percent of bytes (less is better)"
        report.table(name, table(analyses, len(clips), metrics), title)
    report.table("encodes", rungs(tested, metrics), "Encodes")


def _percent(value: float | None) -> str:
    """Without the sign of percent, of which tables would be full."""
    return "–" if value is None else f"{value:+.0f}".replace("-", "−")


if __name__ == "__main__":
    main()
