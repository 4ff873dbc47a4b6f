"""What a contact sheet shows, by rule, so that nobody picks it.

Bytes: those of encodes of the first codec, evenly spread over its rungs; every other codec shows
the encode that is nearest to them.  Frames: the worst, the median and the best of the codec that is
the median of those shown.  Both are judged by the first figure of ``JUDGES`` that all have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..metrics import Figure
from ..schema import FigureEntry, LadderResults, Record

JUDGES = ("ssimulacra2", "vmaf", "ms_ssim", "xpsnr", "psnr_yuv", "psnr_y")
RANKS = ("worst", "median", "best")
NEAR = 0.1  # of the bytes to be matched; an encode that is farther off is marked
_Ranked = TypeVar("_Ranked")


@dataclass(frozen=True)
class SheetPlan:
    """One contact sheet.

    clip: its name.
    rung: of the first codec, as in the identity of its record, like "40k".
    records: an encode of every codec, the first codec's first.
    figure: what codecs and frames are judged by.
    median: the codec whose frames decide.
    frames: index → why it is shown, like "worst".
    """

    clip: str
    rung: str
    records: tuple[Record, ...]
    figure: Figure
    median: str
    frames: Mapping[int, str]


def plans(results: LadderResults, count: int) -> list[SheetPlan]:
    """The sheets of a ladder, ``count`` rates of every clip, or as many as it has."""
    plans = []
    for clip in results["clips"]:
        of_clip = [one for one in results["records"] if one["clip"] == clip["name"]]
        codecs = [codec["name"] for codec in results["codecs"]]
        tested = sorted(_shown(of_clip, codecs[0]), key=lambda one: one["video_bytes"])
        for place in sorted({int((step + 0.5) * len(tested) / count) for step in range(count)}):
            if place < len(tested):
                row = matched(of_clip, codecs, tested[place])
                if (plan := planned(clip["name"], row, results["figures"])) is not None:
                    plans.append(plan)
    return plans


def matched(records: Sequence[Record], codecs: Sequence[str], tested: Record) -> list[Record]:
    """``tested`` and, of every other codec that has any, the encode nearest to its bytes as a
    ratio; of two that are as near, the one that took fewer.
    """
    row = [tested]
    for codec in codecs:
        if codec != tested["codec"] and (candidates := _shown(records, codec)):
            row.append(
                min(
                    candidates,
                    key=lambda one: (abs(math.log(excess(one, tested))), excess(one, tested)),
                )
            )
    return row


def excess(record: Record, tested: Record) -> float:
    """Bytes of one encode as a multiple of another's."""
    return record["video_bytes"] / tested["video_bytes"]


def planned(clip: str, row: Sequence[Record], figures: Sequence[FigureEntry]) -> SheetPlan | None:
    """The sheet of a row of encodes, None where no figure judges all of them."""
    named = {entry["name"]: Figure(**entry) for entry in figures}
    judges = [name for name in (*JUDGES, *named) if name in named]
    for name in judges:
        if all(name in record["quality"] for record in row):
            figure = named[name]
            break
    else:
        return None
    sign = 1 if figure.higher_is_better else -1
    ranked = sorted(row, key=lambda one: sign * one["quality"][figure.name]["mean"])
    median = _median(ranked)
    rung = row[0]["id"].rpartition("/")[2]
    frames = chosen_frames(median["frames"][figure.name], figure)
    return SheetPlan(clip, rung, tuple(row), figure, median["codec"], frames)


def chosen_frames(values: Sequence[float | None], figure: Figure) -> dict[int, str]:
    """Worst, median and best frame, in this order: index → its ranks.

    values: of every frame, None where it was not measured.  Of equal frames the first is worse; of
    two in the middle the worse one is the median.
    """
    sign = 1 if figure.higher_is_better else -1
    scores = [(sign * value, index) for index, value in enumerate(values) if value is not None]
    ranked = [index for _, index in sorted(scores)]
    frames: dict[int, str] = {}
    for rank, index in zip(RANKS, (ranked[0], _median(ranked), ranked[-1]), strict=True):
        frames[index] = f"{frames[index]}, {rank}" if index in frames else rank
    return frames


def _shown(records: Sequence[Record], codec: str) -> list[Record]:
    """Encodes that a sheet can show: at the largest size, with figures."""
    done = [one for one in records if one["codec"] == codec and one["error"] is None]
    largest = max((one["scale"] for one in done), default=None)
    return [one for one in done if one["scale"] == largest and one["quality"]]


def _median(ranked: Sequence[_Ranked]) -> _Ranked:
    """The middle, of an even number the lower of both."""
    return ranked[(len(ranked) - 1) // 2]
