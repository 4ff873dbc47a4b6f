"""results.json, as types: docs/ladder.md says what the fields mean.

Floats are finite, ``None`` stands for what could not be told.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from .analysis_schema import Analysis

FORMAT = 2


class FigureEntry(TypedDict):
    """``metrics.Figure`` as JSON."""

    name: str
    label: str
    unit: str
    higher_is_better: bool
    decimals: int
    perfect: float
    leeway: float
    in_panel: bool
    search_tolerance: float | None


class SettingsEntry(TypedDict):
    """What was asked for."""

    bitrates: tuple[float, ...]
    crf: dict[str, tuple[float, ...]]
    resolutions: tuple[float, ...]
    targets: dict[str, float]
    gop_size: int
    max_frames: int | None
    model: str
    reference: str
    below_bps: float | None
    above_bps: float | None
    perceptual: str | None
    metric_files: dict[str, str]


class ClipFields(TypedDict):
    """``clips.Clip`` as JSON."""

    name: str
    source: str
    folder: str
    sha256: str
    width: int
    height: int
    frames: int
    rate: str
    primaries: int
    transfer: int
    matrix: int
    full_range: bool
    notes: tuple[str, ...]


class ClipEntry(ClipFields):
    """A clip with its duration and its colour in words."""

    seconds: float
    colour_path: str


class DecoderBytes(TypedDict):
    """What decoding needs beyond PyAV, in bytes."""

    model: int
    code: int
    libraries: int


class CodecEntry(TypedDict):
    """One codec as it was used."""

    name: str
    label: str
    preset: str
    tuned_for: str
    versions: dict[str, str]
    decoder_bytes: DecoderBytes


class NotMeasured(TypedDict):
    """A metric without figures, on one clip or (``None``) on all."""

    metric: str
    clip: str | None
    reason: str


class Summary(TypedDict):
    """A figure over the frames of a clip."""

    mean: float
    p5: float
    worst: float
    worst_frame: int


class RecordHead(TypedDict):
    """One encode, successful or not."""

    id: str
    clip: str
    codec: str
    preset: str
    mode: Literal["bitrate", "crf"]
    value: float
    scale: float
    width: int
    height: int
    sought: str | None
    gop_size: int
    threads: int
    key: str
    error: str | None
    versions: dict[str, str]
    quality: dict[str, Summary]
    frames: dict[str, list[float | None]]
    pictures: dict[str, str]


class Taken(TypedDict, total=False):
    """What a successful encode took."""

    command: str
    passes: int
    crf: float | None
    notes: list[str]
    video_bytes: int
    container_bytes: int
    bitrate_bps: float
    frame_bytes: list[int]
    encode_seconds: float
    encode_cpu_seconds: float
    encode_fps: float
    encode_peak_bytes: int
    idle_bytes: int
    decode_seconds: float
    decode_cpu_seconds: float
    decode_fps: float
    decode_peak_bytes: int


class Record(RecordHead, Taken, total=False):
    """One encode; without an error, all of it."""

    missed: bool


class TargetEntry(TypedDict):
    """What a search over crf found."""

    clip: str
    codec: str
    scale: float
    figure: str
    target: float
    crf: float | None
    value: float | None
    record: str | None
    reached: bool
    text: str


class Speed(TypedDict):
    """Frames per second of processor time, and whether the preset keeps the rule for presets."""

    codec: str
    encode_fps: float
    decode_fps: float
    share_of_own: float | None
    keeps_rule: bool


class SheetEntry(TypedDict):
    """A contact sheet: the first codec's rung, records by identity, frames as index → ranks."""

    clip: str
    rung: str
    records: list[str]
    figure: str
    median_codec: str
    frames: dict[str, str]
    rule: str
    file: str


class LadderResults(TypedDict):
    """The whole file."""

    format: int
    command: list[str]
    created: str
    seconds: float
    version: str
    commit: str | None
    machine: dict[str, object]
    settings: SettingsEntry
    clips: list[ClipEntry]
    codecs: list[CodecEntry]
    figures: list[FigureEntry]
    not_measured: list[NotMeasured]
    records: list[Record]
    targets: list[TargetEntry]
    speeds: list[Speed]
    analysis: Analysis
    sheets: list[SheetEntry]
    notes: list[str]
