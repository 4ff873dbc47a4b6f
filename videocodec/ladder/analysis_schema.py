"""The part of results.json that compares, as types: docs/ladder.md says what the fields mean."""

from __future__ import annotations

from typing import Literal, TypedDict


class DeltaEntry(TypedDict):
    """``curves.Delta`` as JSON."""

    value: float | None
    overlap: float
    reason: str | None
    side: Literal["better", "worse"] | None


class Crossover(TypedDict):
    """A rate at which one codec overtakes the other."""

    bitrate_bps: float
    leads_above: bool


class Deltas(TypedDict):
    """What lies between two curves."""

    bd_rate_percent: DeltaEntry
    bd_quality: DeltaEntry
    crossovers: list[Crossover]


class Payback(TypedDict):
    """What a codec saves, and the minutes of clip after which that outweighs its model."""

    saved_bps: float | None
    payback_minutes: float | None


class Comparison(Deltas, Payback):
    """A codec against the reference, on one clip, in one figure."""

    figure: str
    clip: str
    codec: str


class Mean(TypedDict):
    """A codec against the reference in one figure, over the clips that have a BD-rate.

    better, worse: clips without one, since one codec is better at its lowest rate than the other
    at its highest.
    """

    figure: str
    codec: str
    clips: int
    better: int
    worse: int
    bd_rate_percent: float | None
    bd_rate_percent_geometric: float | None


class PanelEntry(TypedDict):
    """A codec against the reference over the whole panel.

    bd_rate_percent: the geometric mean over members and clips.
    members: figure → its own geometric mean over clips; ``None`` where it has none.
    worst: the member with the highest BD-rate.
    better, worse: pairs of member and clip that have no BD-rate, as in ``Mean``.
    """

    codec: str
    bd_rate_percent: float | None
    members: dict[str, float | None]
    worst: str | None
    better: int
    worse: int


class PerTitle(TypedDict):
    """The best record for a bitrate."""

    figure: str
    clip: str
    codec: str
    bitrate_bps: float
    record: str | None


class EqualQuality(TypedDict):
    """What the other codecs take at the quality of a record of the first."""

    figure: str
    clip: str
    record: str
    bitrate_bps: float
    others_bps: dict[str, float | None]


class Analysis(TypedDict):
    """What the figures come to."""

    reference: str
    below_bps: float | None
    above_bps: float | None
    comparisons: list[Comparison]
    means: list[Mean]
    panel: list[PanelEntry]
    per_title: list[PerTitle]
    equal_quality: list[EqualQuality]
    bd_missing: str | None
