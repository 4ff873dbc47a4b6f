"""Which frames a stream has, and when, where access units are damaged, missing, repeated or out of
order.

Every intact access unit says itself when its frames are shown.  What lies between two of them,
before the first or after the last is a *gap*: damaged access units are there, or they are missing,
and as many frames are lost as the gap has room for.
"""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from bitstream.sequence_header import SequenceHeader

# Lost frames that a stream is believed to have: 87 minutes at 25 frames per second, and no more
# than a hundred for every frame that is there.  Times in damaged tables may be anything, and every
# frame put in the place of a lost one takes as long to decode as any.
MAX_LOST_FRAMES = 1 << 17
LOST_FOR_EACH, LOST_FOR_NONE = 100, 1000
MISSING = "it is not in the file"


@dataclass(frozen=True)
class ScannedUnit:
    """What one look at an access unit says.

    number: 0.. in the file, None for one that is missing.  pts, durations: ticks, by the unit
    itself if it is intact, else by the container (one duration for the whole).  container_pts: by
    the container alone.  claimed: first pts and durations by the fields of a damaged unit, None if
    they cannot be read.  bytes: its size; position: of its first byte in the file.  damage: why it
    cannot be decoded, None for an intact one.  header: of an intact keyframe.
    """

    number: int | None
    pts: int
    durations: tuple[int, ...]
    bytes: int
    position: int
    is_keyframe: bool
    damage: str | None
    header: SequenceHeader | None
    container_pts: int
    claimed: tuple[int, tuple[int, ...]] | None = None

    @property
    def end(self) -> int:
        """Tick at which its last frame ends."""
        return self.pts + sum(self.durations)


@dataclass(frozen=True)
class Timeline:
    """units: in display order, without gaps or overlaps; irregularities: a line on everything that
    was put right without loss.
    """

    units: list[ScannedUnit]
    irregularities: list[str]


def arrange(scanned: Sequence[ScannedUnit]) -> Timeline:
    """Access units in the order of the file → in display order, with gaps filled by lost ones.

    Intact units count once, at the time that they state.  A damaged one takes what the container
    leaves it of the gap it lies in, and its frames are those that its fields state, if they fill
    that exactly, or else as many as fit in at the mean duration of the intact frames.
    """
    intact, irregularities = _in_order([unit for unit in scanned if unit.damage is None])
    broken = [unit for unit in scanned if unit.damage is not None]
    if not broken and all(
        unit.end == following.pts for unit, following in itertools.pairwise(intact)
    ):
        return Timeline(intact, irregularities)
    shift = (
        Counter(unit.pts - unit.container_pts for unit in intact).most_common(1)[0][0]
        if intact
        else 0
    )
    waiting = deque(
        sorted((replace(unit, pts=unit.pts + shift) for unit in broken), key=lambda unit: unit.pts)
    )
    spans = _Spans(intact)
    units: list[ScannedUnit] = []
    for place in range(len(intact) + 1):
        begin = intact[place - 1].end if place else None
        end = intact[place].pts if place < len(intact) else None
        inside = []
        while waiting and (end is None or waiting[0].pts < end):
            inside.append(waiting.popleft())
        units += spans.fill(inside, begin, end)
        units += intact[place : place + 1]
    return Timeline(units, irregularities)


def _in_order(intact: list[ScannedUnit]) -> tuple[list[ScannedUnit], list[str]]:
    """Intact units by their own times, each once."""
    accepted: list[ScannedUnit] = []
    irregularities = []
    left_out: set[int | None] = set()
    moved = [
        following.number
        for unit, following in itertools.pairwise(intact)
        if following.pts < unit.pts
    ]
    for unit in sorted(intact, key=lambda unit: (unit.pts, unit.number)):
        if accepted and unit.pts < accepted[-1].end:
            fault = (
                "is there twice" if unit.pts == accepted[-1].pts else "overlaps the one before it"
            )
            irregularities.append(f"access unit {unit.number} {fault} and is left out")
            left_out.add(unit.number)
        else:
            accepted.append(unit)
    irregularities += [
        f"access unit {number} is out of order and was put right"
        for number in moved
        if number not in left_out
    ]
    return accepted, irregularities


class _Spans:
    """Fills gaps with lost frames."""

    def __init__(self, intact: Iterable[ScannedUnit]) -> None:
        durations = [duration for unit in intact for duration in unit.durations]
        self._mean = Fraction(sum(durations), len(durations)) if durations else None
        self._left = min(MAX_LOST_FRAMES, LOST_FOR_NONE + LOST_FOR_EACH * len(durations))

    def fill(
        self, broken: list[ScannedUnit], begin: int | None, end: int | None
    ) -> list[ScannedUnit]:
        """A gap from tick ``begin`` to ``end`` (None: as far as the damaged units in it reach)."""
        if begin is None:
            if not broken:
                return []
            begin = broken[0].pts
        if end is None:
            if not broken:
                return []
            end = max(begin, broken[-1].end)
        if end <= begin:
            return []
        starts = [min(max(unit.pts, begin), end) for unit in broken]
        filled: list[ScannedUnit] = []
        if not broken or (self._mean is not None and starts[0] - begin >= self._mean):
            filled += self._missing(begin, starts[0] if broken else end)
        elif broken:
            starts[0] = begin
        for unit, first, stop in zip(broken, starts, [*starts[1:], end], strict=False):
            if first < stop:
                filled.append(
                    replace(unit, pts=first, durations=self._durations(unit, first, stop - first))
                )
        return filled

    def _missing(self, begin: int, end: int) -> list[ScannedUnit]:
        return [
            ScannedUnit(None, begin, self._split(end - begin), 0, -1, False, MISSING, None, begin)
        ]

    def _durations(self, unit: ScannedUnit, first: int, length: int) -> tuple[int, ...]:
        if unit.claimed is not None and unit.claimed[0] == first and sum(unit.claimed[1]) == length:
            self._left -= len(unit.claimed[1])
            return unit.claimed[1]
        if self._mean is None and unit.claimed is not None:
            return self._split(length, len(unit.claimed[1]))
        return self._split(length)

    def _split(self, length: int, count: int | None = None) -> tuple[int, ...]:
        count = count or (1 if self._mean is None else max(1, round(length / self._mean)))
        if count > self._left:
            count = 1
        count = min(count, length)
        self._left -= count
        return tuple(length * (i + 1) // count - length * i // count for i in range(count))
