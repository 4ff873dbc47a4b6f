"""Encodes as records of results.json: what they took, how good they are, what was not measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .analysis import is_missed
from .clips import Clip
from .files import load_json, read_json
from .jobs import Job, metric_file, shown_frames
from .metrics import Figure, Metric
from .metrics.base import Series
from .runner import JobOutcome
from .schema import NotMeasured, Record, Speed, Summary, Taken
from .stored import DecodeFile, EncodeFile

NOT_ASKED_FOR = "not asked for"
_TENTH = 0.1  # of our own encoder's speed: the rule for presets


def record(outcome: JobOutcome, metrics: Sequence[Metric], root: Path, shown: int) -> Record:
    """One encode as JSON.

    root: the folder that paths are relative to.  shown: how many frames the report shows.
    """
    job = outcome.job
    head = _head(job, outcome.error)
    if outcome.error is not None:
        return head
    record: Record = {**head, **_taken(job, outcome.folder), "missed": False}
    record["missed"] = is_missed(record)
    add_figures(record, outcome, metrics)
    record["pictures"] = _pictures(job, outcome.folder, root, shown)
    return record


def add_figures(record: Record, outcome: JobOutcome, metrics: Sequence[Metric]) -> None:
    """Put into a record what the metrics measured of its encode."""
    for metric in metrics:
        if metric.missing(outcome.job.clip) is not None:
            continue
        series = read_json(metric_file(outcome.folder, metric), Series)
        if series is None:
            continue
        for figure in metric.figures:
            record["frames"][figure.name] = series[figure.name]
            record["quality"][figure.name] = summary(series[figure.name], figure)


def _head(job: Job, error: str | None) -> Record:
    width, height = job.clip.size(job.rung.scale)
    return {
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
        "error": error,
        "versions": job.codec.versions(job.model),
        "quality": {},
        "frames": {},
        "pictures": {},
    }


def _taken(job: Job, folder: Path) -> Taken:
    """Bytes, times and memory, as encoding and decoding wrote them down."""
    encoded = load_json(folder / "encode.json", EncodeFile)
    decoded = load_json(folder / "decode.json", DecodeFile)
    return {
        "command": encoded["command"],
        "passes": encoded["passes"],
        "crf": encoded["crf"],
        "notes": encoded["notes"],
        "video_bytes": encoded["video_bytes"],
        "container_bytes": encoded["file_bytes"] - encoded["video_bytes"],
        "bitrate_bps": encoded["video_bytes"] * 8 / job.clip.seconds,
        "frame_bytes": encoded["frame_bytes"],
        "encode_seconds": encoded["encode_seconds"],
        "encode_cpu_seconds": encoded["encode_cpu_seconds"],
        "encode_fps": job.clip.frames / max(encoded["encode_cpu_seconds"], 1e-3),
        "encode_peak_bytes": encoded["encode_peak_bytes"],
        "idle_bytes": encoded["idle_bytes"],
        "decode_seconds": decoded["decode_seconds"],
        "decode_cpu_seconds": decoded["decode_cpu_seconds"],
        "decode_fps": job.clip.frames / max(decoded["decode_cpu_seconds"], 1e-3),
        "decode_peak_bytes": decoded["decode_peak_bytes"],
    }


def _pictures(job: Job, folder: Path, root: Path, shown: int) -> dict[str, str]:
    files = {index: folder / f"frame-{index}.png" for index in shown_frames(job.clip, shown)}
    return {
        str(index): file.relative_to(root).as_posix()
        for index, file in files.items()
        if file.is_file()
    }


def summary(values: Sequence[float | None], figure: Figure) -> Summary:
    """Mean; p5, the value that one frame in twenty falls short of; the worst, and the index of its
    frame.  values: of every frame, None where there is none.
    """
    measured = [(index, value) for index, value in enumerate(values) if value is not None]
    numbers = np.array([value for _, value in measured])
    at = int(numbers.argmin() if figure.higher_is_better else numbers.argmax())
    return {
        "mean": float(numbers.mean()),
        "p5": float(np.percentile(numbers, 5 if figure.higher_is_better else 95)),
        "worst": float(numbers[at]),
        "worst_frame": measured[at][0],
    }


def not_measured(
    metrics: Sequence[Metric],
    chosen: Sequence[str],
    clips: Sequence[Clip],
    outcomes: Sequence[JobOutcome],
) -> list[NotMeasured]:
    """Every metric, or clip of a metric, without figures, and why."""
    missing: list[NotMeasured] = []
    for metric in metrics:
        everywhere = metric.missing() if metric.name in chosen else NOT_ASKED_FOR
        for clip in [None] if everywhere else clips:
            if (reason := everywhere or metric.missing(clip)) is not None:
                missing.append(
                    {"metric": metric.name, "clip": clip.name if clip else None, "reason": reason}
                )
    for outcome in outcomes:
        if outcome.metric_error is not None:
            place = f"{outcome.job.codec.name} {outcome.job.rung.label}"
            missing.append(
                {
                    "metric": outcome.metric_error.split(":")[0],
                    "clip": outcome.job.clip.name,
                    "reason": f"{place}: {outcome.metric_error}",
                }
            )
    return missing


def speeds(records: Sequence[Record], codecs: Sequence[str], tested: str) -> list[Speed]:
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
    rows: list[Speed] = []
    for codec, (encoding, decoding) in means.items():
        share = encoding / means[tested][0] if tested in means else None
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
