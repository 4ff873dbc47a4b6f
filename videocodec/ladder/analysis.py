"""What the figures of a ladder come to: deltas, hulls, per-title ladders, crossings, and when the
model has paid for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from .analysis_schema import (
    Analysis,
    Comparison,
    Crossover,
    Deltas,
    EqualQuality,
    Mean,
    Payback,
    PerTitle,
)
from .curves import Curve, Delta, bd_quality, bd_rate, convex_hull, crossings, mean_rate_saved
from .metrics import Figure
from .panel import geometric_mean, panel
from .schema import DecoderBytes, Record

MISSED = 0.1  # a bitrate missed by more than this share is said to be missed
SAME = 0.05  # encodes for different bitrates that differ by less than this share took the same


def is_missed(record: Record) -> bool:
    """Whether an encode for a bitrate took another one."""
    return record["mode"] == "bitrate" and _miss(record) > MISSED


@dataclass(frozen=True)
class CodecCurve:
    """The records of one codec on one clip that have a figure.

    points: rate in kbit/s, and quality such that more is better.
    hull: places of those on the convex hull over resolutions.
    asked: the bitrates asked for, bits per second.
    """

    records: list[Record]
    points: list[tuple[float, float]]
    hull: list[int]
    asked: list[float]

    @property
    def curve(self) -> Curve:
        """For comparisons: the hull where there are several resolutions, else all rungs."""
        if len({record["scale"] for record in self.records}) > 1:
            return Curve.of(self.points[index] for index in self.hull)
        return Curve.of(self.points)


def codec_curve(records: Sequence[Record], clip: str, codec: str, figure: Figure) -> CodecCurve:
    """The curve of a codec.

    Rungs of searches count only where there is no ladder.  Rungs for different bitrates that took
    nearly the same count once: they are what the codec does when it cannot do what was asked, and
    differ by accident.
    """
    records_of_clip = [
        r
        for r in records
        if r["clip"] == clip
        and r["codec"] == codec
        and r["error"] is None
        and figure.name in r["quality"]
    ]
    records_of_clip = [r for r in records_of_clip if r["sought"] is None] or records_of_clip
    distinct: list[Record] = []
    for one in sorted(records_of_clip, key=lambda r: (r["scale"], r["bitrate_bps"])):
        last = distinct[-1] if distinct and distinct[-1]["scale"] == one["scale"] else None
        if (
            last is None
            or one["mode"] != "bitrate"
            or one["bitrate_bps"] >= last["bitrate_bps"] * (1 + SAME)
        ):
            distinct.append(one)
        elif _miss(one) < _miss(last):
            distinct[-1] = one
    distinct.sort(key=lambda r: (r["bitrate_bps"], r["scale"]))
    sign = 1 if figure.higher_is_better else -1
    points = [(r["bitrate_bps"] / 1000, sign * r["quality"][figure.name]["mean"]) for r in distinct]
    asked = sorted({r["value"] for r in records_of_clip if r["mode"] == "bitrate"})
    return CodecCurve(distinct, points, convex_hull(points), asked)


def _miss(record: Record) -> float:
    return abs(record["bitrate_bps"] / record["value"] - 1)


def analyse(
    records: Sequence[Record],
    *,
    clips: Sequence[str],
    codecs: Mapping[str, DecoderBytes],
    figures: Sequence[Figure],
    reference: str,
    below: float | None = None,
    above: float | None = None,
) -> Analysis:
    """All of it, as JSON: see docs/ladder.md.

    codecs: by name, what decoding them needs.
    below, above: bits per second; BD figures only where the tested codec takes less, or more.
    """
    comparable = find_spec("bjontegaard") is not None
    limits = (np.inf if below is None else below / 1000, (above or 0) / 1000)
    compared: list[Comparison] = []
    per_title: list[PerTitle] = []
    equal: list[EqualQuality] = []
    for figure in figures:
        for clip in clips:
            curves = {codec: codec_curve(records, clip, codec, figure) for codec in codecs}
            for codec, curve in curves.items():
                per_title += _per_title(curve, clip, codec, figure)
                if codec != reference and reference in curves:
                    tested, other = curve.curve, curves[reference].curve
                    model = codecs[codec]["model"] - codecs[reference]["model"]
                    compared.append(
                        {
                            "figure": figure.name,
                            "clip": clip,
                            "codec": codec,
                            **_deltas(tested, other, comparable, limits),
                            **_payback(tested, other, model),
                        }
                    )
            equal += _equal_quality(curves, clip, list(codecs), figure)
    means: list[Mean] = [
        _mean(
            figure.name,
            codec,
            [c for c in compared if c["figure"] == figure.name and c["codec"] == codec],
        )
        for figure in figures
        for codec in codecs
        if codec != reference
    ]
    return {
        "reference": reference,
        "below_bps": below,
        "above_bps": above,
        "comparisons": compared,
        "means": means,
        "panel": panel(means, [figure.name for figure in figures if figure.in_panel]),
        "per_title": per_title,
        "equal_quality": equal,
        "bd_missing": (
            None
            if comparable
            else "BD figures need the package bjontegaard: pip install bjontegaard"
        ),
    }


def _deltas(
    tested: Curve, reference: Curve, comparable: bool, limits: tuple[float, float]
) -> Deltas:
    """BD figures within ``limits`` (below, above, kbit/s), and where the curves cross."""
    absent = Delta(None, reason="the package bjontegaard is not installed")
    rate, quality = (
        (bd_rate(tested, reference, *limits), bd_quality(tested, reference, *limits))
        if comparable
        else (absent, absent)
    )
    crossed: list[Crossover] = [
        {"bitrate_bps": 1000 * at, "leads_above": leads}
        for at, leads in crossings(tested, reference)
    ]
    return {
        "bd_rate_percent": rate.to_dict(),
        "bd_quality": quality.to_dict(),
        "crossovers": crossed,
    }


def _payback(tested: Curve, reference: Curve, model_bytes: int) -> Payback:
    """Minutes of clip after which the bytes saved outweigh the model that the other codec does
    without; None if never.
    """
    saved = mean_rate_saved(tested, reference)
    minutes = None
    if saved is not None and saved > 0 and model_bytes > 0:
        minutes = model_bytes * 8 / (1000 * saved) / 60
    return {"saved_bps": None if saved is None else 1000 * saved, "payback_minutes": minutes}


def _per_title(curve: CodecCurve, clip: str, codec: str, figure: Figure) -> Iterator[PerTitle]:
    """For every bitrate asked for, or every rung's own, the best point of the hull that takes no
    more (or, of a bitrate, hardly more).
    """
    hull = [curve.records[index] for index in curve.hull]
    for rate in curve.asked or [r["bitrate_bps"] for r in hull]:
        fitting = [r for r in hull if r["bitrate_bps"] <= rate * (1 + MISSED)]
        chosen = fitting[-1]["id"] if fitting else None
        yield {
            "figure": figure.name,
            "clip": clip,
            "codec": codec,
            "bitrate_bps": rate,
            "record": chosen,
        }


def _equal_quality(
    curves: dict[str, CodecCurve], clip: str, codecs: Sequence[str], figure: Figure
) -> Iterator[EqualQuality]:
    """For every rung of the first codec: what the others take at its quality; None outside their
    rungs, or where they are not monotonic.
    """
    first = curves[codecs[0]]
    for record, (rate, quality) in zip(first.records, first.points, strict=True):
        others = {codec: curves[codec].curve for codec in codecs[1:]}
        rates = {
            codec: curve.rate_at(quality) if len(curve.rates) and curve.is_monotonic else None
            for codec, curve in others.items()
        }
        bits = {codec: None if value is None else 1000 * value for codec, value in rates.items()}
        yield {
            "figure": figure.name,
            "clip": clip,
            "record": record["id"],
            "bitrate_bps": 1000 * rate,
            "others_bps": bits,
        }


def _mean(figure: str, codec: str, comparisons: Sequence[Comparison]) -> Mean:
    """Over the clips that have a BD-rate: arithmetic mean, and the mean of the ratios."""
    deltas = [comparison["bd_rate_percent"] for comparison in comparisons]
    values = [delta["value"] for delta in deltas if delta["value"] is not None]
    mean = geometric = None
    if values:
        mean = float(np.mean(values))
        geometric = geometric_mean(values)
    return {
        "figure": figure,
        "codec": codec,
        "clips": len(values),
        "better": sum(delta["side"] == "better" for delta in deltas),
        "worse": sum(delta["side"] == "worse" for delta in deltas),
        "bd_rate_percent": mean,
        "bd_rate_percent_geometric": geometric,
    }
