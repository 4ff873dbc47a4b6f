"""The codecs that ``tools.bench.panel`` compares with: how they are measured, and read again."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.bench.markdown import Cell, Table
from tools.bench.panel_encodes import figures, identities, measured, rungs
from tools.bench.results import RESULTS, Report, Results
from videocodec.ladder.codecs import codec_named
from videocodec.ladder.schema import Record


@dataclass(frozen=True)
class Anchor:
    """codec: of the ladder.  preset: of it.  crfs: from better than ours to worse than ours."""

    codec: str
    preset: str
    crfs: tuple[int, ...]

    @property
    def name(self) -> str:
        """In tables."""
        label = codec_named(self.codec).label.split(" ")[0]
        return (
            f"{label} preset {self.preset}" if self.preset.isdigit() else f"{label} {self.preset}"
        )


H26X_CRFS, SVTAV1_CRFS = (25, 33, 42, 51), (35, 47, 59, 70)
ANCHORS = (
    Anchor("x264", "veryslow", H26X_CRFS),
    Anchor("x265", "slow", H26X_CRFS),
    Anchor("svtav1", "5", SVTAV1_CRFS),
    Anchor("svtav1", "2", SVTAV1_CRFS),
)


def measure(args: argparse.Namespace, paths: Sequence[Path]) -> None:
    """Measure all anchors and write results/anchors.json, or the file named."""
    args.bench = "anchors"
    if args.results == RESULTS / "panel.json":
        args.results = RESULTS / "anchors.json"
    stored_records = {
        anchor: measured(
            args,
            paths,
            f"{anchor.codec}-{anchor.preset}",
            codecs=(anchor.codec,),
            crf={anchor.codec: anchor.crfs},
            presets={anchor.codec: anchor.preset},
        )
        for anchor in ANCHORS
    }
    report = Report(args, clips=paths)
    publish(report, stored_records, identities(args))
    report.save()


def publish(
    report: Report, found: Mapping[Anchor, Sequence[Record]], metrics: Mapping[str, str]
) -> None:
    """Print and keep the encodes, how they were made, and what measured them."""
    named = [
        record | {"codec": anchor.name} for anchor, records in found.items() for record in records
    ]
    report.table("encodes", rungs(named), "Encodes")
    commands = Table(
        ["codec", "tuned for", "frames per second", "command"], ["{}", "{}", "{:.1f}", "{}"]
    )
    for anchor, records in found.items():
        speed = len(records) / sum(1 / record["encode_fps"] for record in records)
        tuned = codec_named(anchor.codec).tuned_for("", False)
        commands.add(anchor.name, tuned, round(speed, 2), _command(records[0]["command"]))
    report.table("commands", commands, "Commands of one rung each")
    identity_table = Table(["metric", "depends on"])
    for name, identity in metrics.items():
        identity_table.add(name, identity)
    report.table("metrics", identity_table, "Metrics")


def records(
    stored: Results, clips: Mapping[str, str], metrics: Mapping[str, str]
) -> dict[str, list[Record]]:
    """Anchor → its encodes as records, from results/anchors.json.

    clips: name → SHA-256 of those to compare on.  metrics: what they depend on here.
    Raises ``SystemExit`` where the anchors were measured on other clips or with other metrics.
    """
    remedy = "measure the anchors again, with --anchors --results"
    for name, sha256 in clips.items():
        if stored.clips.get(name) != sha256:
            raise SystemExit(f"results/anchors.json has another {name}, or none: {remedy}")
    for metric, identity in stored.tables["metrics"].rows:
        name = str(metric)
        if metrics.get(name) != identity:
            raise SystemExit(
                f"results/anchors.json was measured with another {name} ({identity} instead of"
                f" {metrics.get(name)}): {remedy}"
            )
    encodes = stored.tables["encodes"]
    by_anchor: dict[str, list[Record]] = {}
    for row in encodes.rows:
        cells = dict(zip(encodes.columns, row, strict=True))
        if cells["clip"] in clips:
            record = _record(cells)
            by_anchor.setdefault(record["codec"], []).append(record)
    return by_anchor


def _record(cells: Mapping[str, Cell]) -> Record:
    """As much of a record as comparisons look at; of a figure only the mean was kept."""
    clip, codec = str(cells["clip"]), str(cells["codec"])
    crf, rate = float(cells["crf"] or 0), float(cells["kbit/s"] or 0)
    members = {figure.name for figure in figures()}
    means = {
        name: value
        for name, value in cells.items()
        if name in members and isinstance(value, int | float)
    }
    return {
        "id": f"{clip}/{codec}/crf_{crf:g}",
        "clip": clip,
        "codec": codec,
        "mode": "crf",
        "value": crf,
        "bitrate_bps": rate * 1000,
        "scale": 1.0,
        "sought": None,
        "error": None,
        "quality": {
            name: {"mean": mean, "p5": mean, "worst": mean, "worst_frame": 0}
            for name, mean in means.items()
        },
        "preset": "",
        "width": 0,
        "height": 0,
        "gop_size": 0,
        "threads": 0,
        "key": "",
        "versions": {},
        "frames": {},
        "pictures": {},
    }


def _command(command: str) -> str:
    """Without paths of this machine."""
    words = [Path(word).name if word.startswith("/") else word for word in shlex.split(command)]
    return shlex.join(words)
