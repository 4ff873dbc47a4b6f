"""What a process of the ladder is told to do: one JSON object for each order."""

from __future__ import annotations

from typing import Literal, TypedDict

from .jobs import JobEntry
from .schema import ClipFields


class EncodeOrder(TypedDict):
    """Encode into a folder."""

    kind: Literal["encode"]
    job: JobEntry
    folder: str


class PicturesOrder(TypedDict):
    """Decode all of an encode, or as far as the last of the frames ``shown``, and write those as
    pictures.
    """

    kind: Literal["decode", "show"]
    job: JobEntry
    folder: str
    shown: list[int]


class MeasureOrder(TypedDict):
    """Measure a decoded clip.

    metrics: their names.
    files: what the user named for them, by the options' names.
    """

    kind: Literal["measure"]
    job: JobEntry
    folder: str
    metrics: list[str]
    files: dict[str, str]


class SelfOrder(TypedDict):
    """Measure a clip against itself."""

    kind: Literal["self"]
    clip: ClipFields
    metrics: list[str]
    files: dict[str, str]


Order = EncodeOrder | PicturesOrder | MeasureOrder | SelfOrder


class Answer(TypedDict):
    """What went wrong, in one line; None if nothing did."""

    error: str | None
