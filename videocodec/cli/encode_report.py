"""What an encode made, printed: by ``encode`` and by ``merge``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from .common import bitrate, coded_at, counted, print_json, size

if TYPE_CHECKING:
    from ..encoder.report import EncodeReport


def print_report(report: EncodeReport, source: str, target: str, *, as_json: bool) -> None:
    """What an encode made, and what the user should know of it."""
    for track in report.skipped_tracks:
        print(f"videocodec: warning: {source}: not copied: {track}", file=sys.stderr)
    for warning in report.warnings:
        print(f"videocodec: warning: {warning}", file=sys.stderr)
    for loss in report.losses:
        print(f"videocodec: warning: {source}: damaged: {loss}", file=sys.stderr)
    if as_json:
        print_json({"input": source, "output": target, **asdict(report)})
        return
    frames = (
        f"{counted(report.frames, 'frame')} {report.width}x{report.height}"
        + coded_at(report.width, report.coded_width, report.coded_height)
        + f", {report.duration_seconds:.2f} s"
    )
    print(f"{target}: {frames}, {counted(report.keyframes, 'keyframe')}")
    rate = f"{size(report.video_bytes)}, {bitrate(report.video_bitrate_bps)}"
    quality = f"crf {report.crf:g}" + (f" by {report.passes} passes" if report.passes > 1 else "")
    print(
        f"  video {rate}, {quality}; {size(report.container_bytes)} with its container, without"
        " sound"
    )
    if report.guard is not None:
        print(f"  guard: {report.guard.sentence}")
    if report.attached_model_bytes:
        print(f"  model {report.model_name} attached, {size(report.attached_model_bytes)} more")
    part = 100 * report.container_bytes / report.source_bytes
    print(
        f"  {part:.1f} % of the {size(report.source_bytes)} of {source};"
        f" {report.frames / report.encode_seconds:.1f} frames per second"
    )
