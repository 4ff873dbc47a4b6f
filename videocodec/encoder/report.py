"""What an encode made."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..guard import GuardFindings


@dataclass(frozen=True)
class EncodeReport:
    """What an encode made.

    frames, keyframes: how many.
    width, height: of the picture, px.
    coded_width, coded_height: that it is coded at, px.
    duration_seconds: of the video.
    video_bytes: of the coded video alone.
    container_bytes: that the file would weigh without audio and attached model.
    attached_model_bytes: of the latter, 0 without one.
    video_bitrate_bps, peak_bitrate_bps: of the coded video, on average, and the most bits in any
    second (``encoder.peak_rate`` defines it).
    source_bytes: of the source.
    encode_seconds: wall-clock time.
    model_name: of the bundle.
    crf: that it was coded for; with a bitrate or size as target the one found, and no whole number.
    passes: over the video.
    skipped_tracks: tracks that MP4 cannot hold, a line each.
    warnings: a line each.
    losses: what of the source could not be read, a line each.
    guard: the squares that do not hold; None without a guard.
    """

    frames: int
    keyframes: int
    width: int
    height: int
    coded_width: int
    coded_height: int
    duration_seconds: float
    video_bytes: int
    container_bytes: int
    attached_model_bytes: int
    video_bitrate_bps: float
    peak_bitrate_bps: float
    source_bytes: int
    encode_seconds: float
    model_name: str
    crf: float
    passes: int
    skipped_tracks: list[str]
    warnings: list[str]
    losses: list[str] = field(default_factory=list)
    guard: GuardFindings | None = None
