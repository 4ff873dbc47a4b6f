"""What a ladder found: results.json (docs/ladder.md says what is in it), results.csv, and the table
for the terminal.
"""

from __future__ import annotations

import csv
import io
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .analysis import is_missed
from .clips import Clip
from .files import read_json
from .jobs import metric_file, shown_frames
from .metrics import Figure, Metric
from .runner import Outcome

FORMAT = 1
NOT_ASKED_FOR = "not asked for"
_TENTH = 0.1  # of our own encoder's speed: the rule for presets
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


def record(
    outcome: Outcome, metrics: Sequence[Metric], root: Path, shown: int
) -> dict[str, object]:
    """One encode as JSON."""
    job = outcome.job
    width, height = job.clip.size(job.rung.scale)
    made = {
        "id": f"{job.clip.name}/{job.codec.name}/{job.rung.label}".replace(" ", "_"),
        "clip": job.clip.name,
        "codec": job.codec.name,
        "preset": job.preset,
        "mode": job.rung.mode,
        "value": job.rung.value,
        "scale": job.rung.scale,
        "width": width,
        "height": height,
        "sought": job.sought,
        "gop_size": job.gop_size,
        "threads": job.threads,
        "key": job.key,
        "error": outcome.error,
        "versions": job.codec.versions(job.model),
        "quality": {},
        "frames": {},
        "pictures": {},
    }
    if outcome.error is not None:
        return made
    encoded, decoded = (
        read_json(outcome.folder / "encode.json"),
        read_json(outcome.folder / "decode.json"),
    )
    frames, seconds = job.clip.frames, job.clip.seconds
    made |= {
        name: value
        for name, value in (encoded | decoded).items()
        if name not in ("depends_on", "frame_bytes", "file_bytes")
    }
    made["container_bytes"] = encoded["file_bytes"] - encoded["video_bytes"]
    made["bitrate_bps"] = encoded["video_bytes"] * 8 / seconds
    made["missed"] = is_missed(made)
    made["encode_fps"] = frames / max(encoded["encode_cpu_seconds"], 1e-3)
    made["decode_fps"] = frames / max(decoded["decode_cpu_seconds"], 1e-3)
    made["frame_bytes"] = encoded["frame_bytes"]
    for metric in metrics:
        series = (
            read_json(metric_file(outcome.folder, metric))
            if metric.missing(job.clip) is None
            else None
        )
        for figure in metric.figures if series else ():
            made["frames"][figure.name] = series[figure.name]
            made["quality"][figure.name] = summary(series[figure.name], figure)
    pictures = {
        index: outcome.folder / f"frame-{index}.png" for index in shown_frames(job.clip, shown)
    }
    made["pictures"] = {
        str(index): file.relative_to(root).as_posix()
        for index, file in pictures.items()
        if file.is_file()
    }
    return made


def summary(values: Sequence[float | None], figure: Figure) -> dict[str, float]:
    """Mean; p5, the value that one frame in twenty falls short of; the worst, and the index of its
    frame.
    """
    known = [(index, value) for index, value in enumerate(values) if value is not None]
    numbers = np.array([value for _, value in known])
    at = int(numbers.argmin() if figure.higher_is_better else numbers.argmax())
    return {
        "mean": float(numbers.mean()),
        "p5": float(np.percentile(numbers, 5 if figure.higher_is_better else 95)),
        "worst": float(numbers[at]),
        "worst_frame": known[at][0],
    }


def not_measured(
    metrics: Sequence[Metric],
    chosen: Sequence[str],
    clips: Sequence[Clip],
    outcomes: Sequence[Outcome],
) -> list[dict]:
    """Every metric, or clip of a metric, without figures, and why."""
    missing = []
    for metric in metrics:
        everywhere = metric.missing() if metric.name in chosen else NOT_ASKED_FOR
        for clip in [None] if everywhere else clips:
            if (reason := everywhere or metric.missing(clip)) is not None:
                missing.append(
                    {"metric": metric.name, "clip": clip.name if clip else None, "reason": reason}
                )
    for outcome in outcomes:
        if outcome.metric_error is not None:
            where = f"{outcome.job.codec.name} {outcome.job.rung.label}"
            missing.append(
                {
                    "metric": outcome.metric_error.split(":")[0],
                    "clip": outcome.job.clip.name,
                    "reason": f"{where}: {outcome.metric_error}",
                }
            )
    return missing


def speeds(records: Sequence[dict], codecs: Sequence[str], own: str) -> list[dict[str, object]]:
    """Frames per second of processor time of each codec, of its whole encodes with all their
    passes, beside our own, and whether its preset keeps the rule: a tenth of our own speed or
    faster.
    """
    means = {}
    for codec in codecs:
        done = [r for r in records if r["codec"] == codec and r["error"] is None]
        if done:
            means[codec] = (
                len(done) / sum(1 / r["encode_fps"] for r in done),
                len(done) / sum(1 / r["decode_fps"] for r in done),
            )
    rows = []
    for codec, (encoding, decoding) in means.items():
        share = encoding / means[own][0] if own in means else None
        rows.append(
            {
                "codec": codec,
                "encode_fps": encoding,
                "decode_fps": decoding,
                "share_of_own": share,
                "keeps_rule": share is None or share >= _TENTH,
            }
        )
    return rows


def machine(workers: int, threads: int) -> dict[str, object]:
    """Where it ran."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "cores_usable": usable_cores(),
        "python": platform.python_version(),
        "jobs": workers,
        "threads_per_encode": threads,
    }


def usable_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def commit() -> str | None:
    """The commit of this package's sources, with "+" if they differ from it; None if they are not
    in a checkout.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        told = [
            subprocess.run(
                ["git", "-C", str(root), *words],
                capture_output=True,
                text=True,
                check=True,
                timeout=30,
            ).stdout.strip()
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        ]
    except (OSError, subprocess.SubprocessError):
        return None
    return told[0] + ("+" if told[1] else "")


def as_csv(records: Sequence[dict], figures: Sequence[Figure]) -> str:
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
        cells += [one["quality"].get(name, {}).get(part) for name, part in parts]
        writer.writerow([*cells, one.get("command"), one["error"]])
    return text.getvalue()


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


def terminal(results: dict) -> str:
    """The report for a terminal: rungs, Bjøntegaard deltas, what was not measured."""
    figures = results["figures"]
    rows = [["encode", "kbit/s", *(figure["label"] for figure in figures), "fps", "MB"]]
    failed = []
    for one in results["records"]:
        if one["error"] is not None:
            failed.append(f"failed: {one['id']}: {one['error']}")
            continue
        cells = [
            (
                f"{one['quality'][f['name']]['mean']:.{f['decimals']}f}"
                if f["name"] in one["quality"]
                else "–"
            )
            for f in figures
        ]
        rate = f"{one['bitrate_bps'] / 1000:.1f}" + ("!" if one["missed"] else "")
        rows.append(
            [
                one["id"],
                rate,
                *cells,
                f"{one['encode_fps']:.2f}",
                f"{one['encode_peak_bytes'] / 1e6:.0f}",
            ]
        )
    parts = [table(rows), *failed]
    if any(one.get("missed") for one in results["records"]):
        parts.append("!: the codec could not be brought to the bitrate asked for")
    analysis = results["analysis"]
    by_figure = {f["name"]: f["label"] for f in figures}
    compared = [["", *(by_figure.values())]]
    for codec in [c["name"] for c in results["codecs"] if c["name"] != analysis["reference"]]:
        for clip in [clip["name"] for clip in results["clips"]]:
            compared.append(
                [
                    f"{codec}, {clip}",
                    *(
                        _bd(_one(analysis["comparisons"], figure=f, codec=codec, clip=clip))
                        for f in by_figure
                    ),
                ]
            )
        compared.append(
            [
                f"{codec}, mean",
                *(_mean(_one(analysis["means"], figure=f, codec=codec)) for f in by_figure),
            ]
        )
    if len(compared) > 1 and figures:
        parts += [
            "",
            (
                f"BD-rate against {analysis['reference']} (negative: fewer bytes; in brackets the"
                " overlap)"
            ),
            table(compared),
        ]
    parts += [analysis["bd_missing"]] if analysis["bd_missing"] else []
    for target in results["targets"]:
        parts.append(target["text"])
    for missing in (row for row in results["not_measured"] if row["reason"] != NOT_ASKED_FOR):
        parts.append(
            "not measured:"
            f" {missing['metric']}{' on ' + missing['clip'] if missing['clip'] else ''}:"
            f" {missing['reason']}"
        )
    for speed in results["speeds"]:
        if not speed["keeps_rule"]:
            share = 100 * speed["share_of_own"]
            parts.append(
                f"note: {speed['codec']} ran at {share:.0f} % of our own encoder's speed here:"
                " --presets chooses a faster one"
            )
    return "\n".join(parts)


def _one(rows: Sequence[dict], **wanted: str) -> dict:
    return next(row for row in rows if all(row[name] == value for name, value in wanted.items()))


def _bd(comparison: dict) -> str:
    delta = comparison["bd_rate_percent"]
    return (
        delta["reason"]
        if delta["value"] is None
        else f"{delta['value']:+.1f} % ({100 * delta['overlap']:.0f} %)"
    )


def _mean(mean: dict) -> str:
    return (
        "–"
        if mean["bd_rate_percent"] is None
        else f"{mean['bd_rate_percent']:+.1f} % of {mean['clips']}"
    )


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
