"""The codecs that ``tools.bench.panel`` compares with: how they are measured, and read again."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.bench.markdown import Cell, Table
from tools.bench.panel_encodes import METRICS, identities, measured, metrics_of, rungs
from tools.bench.results import RESULTS, Report, Results, hashes
from videocodec.ladder.codecs import codec_named
from videocodec.ladder.metrics import all_metrics
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


_REMEDY = "measure the anchors again, with --anchors --results"
_SAME_RATE = 1.0  # bits per second, by which stored rates are rounded
H26X_CRFS, SVTAV1_CRFS = (25, 33, 42, 51), (35, 47, 59, 70)
ANCHORS = (
    Anchor("x264", "veryslow", H26X_CRFS),
    Anchor("x265", "slow", H26X_CRFS),
    Anchor("svtav1", "5", SVTAV1_CRFS),
    Anchor("svtav1", "2", SVTAV1_CRFS),
)


def measure(args: argparse.Namespace, paths: Sequence[Path]) -> None:
    """Measure all anchors and write results/anchors.json, or the file named.

    Metrics of ``--also`` join what that file has where its encodes are the same; an anchor of which
    some are not, as x264's are not on every processor, is measured anew by all metrics.  Metrics of
    ``--again`` take the place of their figures there likewise.
    """
    args.bench = "anchors"
    if args.results == RESULTS / "panel.json":
        args.results = RESULTS / "anchors.json"
    kept = _kept(args, paths)
    identity_of, metrics = identities(args), metrics_of(args)
    if kept:
        stored = _identities(read(RESULTS / "anchors.json"))
        identity_of |= {name: one for name, one in stored.items() if name not in args.again}
        metrics += tuple(name for name in stored if name not in metrics)

    def encodes_of(anchor: Anchor, metrics: Sequence[str]) -> list[Record]:
        return measured(
            args,
            paths,
            f"{anchor.codec}-{anchor.preset}",
            metrics,
            codecs=(anchor.codec,),
            crf={anchor.codec: anchor.crfs},
            presets={anchor.codec: anchor.preset},
        )

    stored_records = {}
    for anchor in ANCHORS:
        some = (*args.also, *args.again)
        encodes = encodes_of(anchor, some if kept else metrics_of(args))
        if kept and not are_joined(encodes, kept[anchor.name]):
            print(f"{anchor.name}: other encodes than before, measured anew", file=sys.stderr)
            encodes = encodes_of(anchor, metrics_of(args))
        stored_records[anchor] = encodes
    report = Report(args, clips=paths)
    publish(report, stored_records, identity_of, metrics)
    report.save()


def _kept(args: argparse.Namespace, paths: Sequence[Path]) -> dict[str, list[Record]]:
    """Anchor → its stored records, where only metrics of ``--also`` and ``--again`` are to be
    measured.
    """
    if not (args.also or args.again):
        return {}
    stored = read(RESULTS / "anchors.json")
    _check_clips(stored, hashes(paths))
    return by_codec(stored, [path.stem for path in paths])


def are_joined(encodes: Sequence[Record], before: Sequence[Record]) -> bool:
    """Give encodes the figures that the same ones had before; or no, where one takes other bytes
    than then.
    """
    by_rung = {(record["clip"], record["value"]): record for record in before}
    known = [by_rung.get((record["clip"], record["value"])) for record in encodes]
    if any(
        one is None or abs(one["bitrate_bps"] - record["bitrate_bps"]) > _SAME_RATE
        for one, record in zip(known, encodes, strict=True)
    ):
        return False
    for one, record in zip(known, encodes, strict=True):
        if one is not None:
            record["quality"] = {**one["quality"], **record["quality"]}
    return True


def publish(
    report: Report,
    found: Mapping[Anchor, Sequence[Record]],
    identity_of: Mapping[str, str],
    metrics: Collection[str] = METRICS,
) -> None:
    """Print and keep the encodes, how they were made, and what measured them.

    identity_of: metric → what its figures depend on.
    """
    named = [
        record | {"codec": anchor.name} for anchor, records in found.items() for record in records
    ]
    report.table("encodes", rungs(named, metrics), "Encodes")
    commands = Table(
        ["codec", "tuned for", "frames per second", "command"], ["{}", "{}", "{:.1f}", "{}"]
    )
    for anchor, records in found.items():
        speed = len(records) / sum(1 / record["encode_fps"] for record in records)
        tuned = codec_named(anchor.codec).tuned_for("", False)
        commands.add(anchor.name, tuned, round(speed, 2), _command(records[0]["command"]))
    report.table("commands", commands, "Commands of one rung each")
    identity_table = Table(["metric", "depends on"])
    for name, identity in identity_of.items():
        identity_table.add(name, identity)
    report.table("metrics", identity_table, "Metrics")


def records(
    stored: Results, clips: Mapping[str, str], metrics: Mapping[str, str]
) -> dict[str, list[Record]]:
    """Anchor → its encodes as records, from results/anchors.json.

    clips: name → SHA-256 of those to compare on.  metrics: what they depend on here; figures of
    others than these and the usual ones do not matter.
    Raises ``SystemExit`` where the anchors were measured on other clips or with other metrics.
    """
    _check_clips(stored, clips)
    for name, identity in _identities(stored).items():
        wanted = name in METRICS or name in metrics
        if wanted and metrics.get(name) != identity:
            raise SystemExit(
                f"results/anchors.json was measured with another {name} ({identity} instead of"
                f" {metrics.get(name)}): {_REMEDY}"
            )
    return by_codec(stored, clips)


def read(file: Path) -> Results:
    """A file of results."""
    return Results.from_json(file.read_text(encoding="utf-8"))


def by_codec(stored: Results, clips: Collection[str]) -> dict[str, list[Record]]:
    """Codec → the encodes of clips in a file of results, as records."""
    encodes = stored.tables["encodes"]
    by_name: dict[str, list[Record]] = {}
    for row in encodes.rows:
        cells = dict(zip(encodes.columns, row, strict=True))
        if cells["clip"] in clips:
            record = _record(cells)
            by_name.setdefault(record["codec"], []).append(record)
    return by_name


def _identities(stored: Results) -> dict[str, str]:
    """Metric → what its figures depended on."""
    return {str(name): str(identity) for name, identity in stored.tables["metrics"].rows}


def _check_clips(stored: Results, clips: Mapping[str, str]) -> None:
    """Raise ``SystemExit`` where clips, name → SHA-256, are not those that were measured."""
    for name, sha256 in clips.items():
        if stored.clips.get(name) != sha256:
            raise SystemExit(f"results/anchors.json has another {name}, or none: {_REMEDY}")


def _record(cells: Mapping[str, Cell]) -> Record:
    """As much of a record as comparisons look at; of a figure only the mean was kept."""
    clip, codec = str(cells["clip"]), str(cells["codec"])
    crf, rate = float(cells["crf"] or 0), float(cells["kbit/s"] or 0)
    members = {figure.name for metric in all_metrics().values() for figure in metric.figures}
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
