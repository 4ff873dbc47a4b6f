"""Regions that callers want finer or coarser, read from a file of JSON.  No torch.

The file is a list of rectangles, each with an offset of quantiser indices, and times if it does not
hold for the whole video:

    [{"x": 96, "y": 32, "width": 128, "height": 160, "offset": -6, "begin": 0, "end": 2.5}]
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from .errors import RegionsError

MOST_OFFSET = 48  # quantiser indices: 16 times the step
MOST_REGIONS = 4096
_MOST_FILE_BYTES = 1 << 22


@dataclass(frozen=True)
class Region:
    """A rectangle of the picture for some time.

    x, y, width, height: px, from the upper left corner of the picture as it is coded, before any
    rotation; what lies outside the picture does not count.
    offset: quantiser indices, below 0 is finer.
    begin, end: seconds of the stream's clock, end excluded; None: to the end.
    """

    x: float
    y: float
    width: float
    height: float
    offset: int
    begin: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        """Raise ``RegionsError`` for what cannot be."""
        for name in ("x", "y", "width", "height", "begin", "end"):
            value = getattr(self, name)
            if value is None and name == "end":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise RegionsError(f"{name} must be a number, got {value!r}")
            if not math.isfinite(value) or value < 0:
                raise RegionsError(f"{name} must be a number from 0 on, got {value!r}")
        if not (self.width and self.height):
            raise RegionsError("width and height must be above 0")
        if (
            isinstance(self.offset, bool)
            or not isinstance(self.offset, int)
            or abs(self.offset) > MOST_OFFSET
        ):
            raise RegionsError(
                f"offset must be a whole number from -{MOST_OFFSET} to {MOST_OFFSET}, got"
                f" {self.offset!r}"
            )
        if self.end is not None and self.end <= self.begin:
            raise RegionsError(f"end must be after begin, {self.end!r} is not after {self.begin!r}")

    def scaled(self, across: float, down: float) -> Region:
        """The same region of a picture of another size."""
        return replace(
            self,
            x=self.x * across,
            y=self.y * down,
            width=self.width * across,
            height=self.height * down,
        )


def read_regions(file: Path) -> tuple[Region, ...]:
    """The regions in a file.

    Raises ``RegionsError`` with the file's name, and the number of the region that is none.
    """
    try:
        if not file.is_file():
            raise RegionsError(f"{file}: no such file")
        with file.open("rb") as opened:
            values = json.loads(opened.read(_MOST_FILE_BYTES))
    except OSError as error:
        raise RegionsError(f"{file}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise RegionsError(f"{file}: regions must be JSON, this is none ({error})") from error
    if not isinstance(values, list) or len(values) > MOST_REGIONS:
        raise RegionsError(f"{file}: regions must be a JSON list of at most {MOST_REGIONS}")
    return tuple(_region(file, number, value) for number, value in enumerate(values, 1))


def fitted(
    regions: Iterable[Region], full: tuple[int, int], coded: tuple[int, int]
) -> tuple[Region, ...]:
    """Regions of pictures of a size (width and height), for those that are coded of them.

    Raises ``RegionsError`` for one that lies outside the picture.
    """
    found = tuple(regions)
    for number, region in enumerate(found, 1):
        if region.x >= full[0] or region.y >= full[1]:
            raise RegionsError(
                f"region {number} begins at {region.x:g}, {region.y:g}, outside the picture of"
                f" {full[0]}×{full[1]}"
            )
    return tuple(region.scaled(coded[0] / full[0], coded[1] / full[1]) for region in found)


def regions_from_json(values: Iterable[dict[str, Any]]) -> tuple[Region, ...]:
    """Of what ``dataclasses.asdict`` gave.  Raises ``RegionsError``, ``TypeError``."""
    return tuple(Region(**value) for value in values)


def _region(file: Path, number: int, value: object) -> Region:
    names = [field.name for field in fields(Region)]
    place = f"{file}: region {number}"
    if not isinstance(value, dict):
        raise RegionsError(f"{place} must be an object with {', '.join(names)}, got {value!r:.60}")
    if unknown := sorted(set(value) - set(names)):
        raise RegionsError(f"{place}: there is no {unknown[0]!r}, only {', '.join(names)}")
    if missing := [name for name in names[:5] if name not in value]:
        raise RegionsError(f"{place}: {missing[0]} is missing")
    try:
        return Region(**value)
    except RegionsError as error:
        raise RegionsError(f"{place}: {error}") from error
