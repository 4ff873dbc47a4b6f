"""results.json of a ladder of still pictures, as types: docs/stills.md says what the fields mean.

Floats are finite, ``None`` stands for what there is not.
"""

from __future__ import annotations

from typing import TypedDict

from ..schema import FigureEntry, NotMeasured

FORMAT = 1


class StillSettingsEntry(TypedDict):
    """What was asked for."""

    largest: int
    count: str
    resolutions: list[float]
    model: str
    metric_files: dict[str, str]


class PictureEntry(TypedDict):
    """One picture."""

    name: str
    source: str
    sha256: str
    width: int
    height: int
    notes: list[str]


class StillCodecEntry(TypedDict):
    """One codec as it was used."""

    name: str
    label: str
    setting_name: str
    counted: str
    versions: dict[str, str]


class StillRecord(TypedDict):
    """The encode of a picture that a codec has for a target; its smallest one where ``target`` is
    None; with an ``error``, nothing of what follows it.
    """

    id: str
    picture: str
    codec: str
    target: int | None
    error: str | None
    setting: float | None
    resolution: float | None
    width: int | None
    height: int | None
    picture_bytes: int | None
    file_bytes: int | None
    provenance: dict[str, float] | None
    quality: dict[str, float]
    coded: str | None
    decoded: str | None


class StillResults(TypedDict):
    """The whole file."""

    format: int
    kind: str
    command: list[str]
    created: str
    seconds: float
    version: str
    commit: str | None
    machine: dict[str, object]
    settings: StillSettingsEntry
    targets: list[int]
    judge: str | None
    pictures: list[PictureEntry]
    codecs: list[StillCodecEntry]
    figures: list[FigureEntry]
    not_measured: list[NotMeasured]
    records: list[StillRecord]
    notes: list[str]
