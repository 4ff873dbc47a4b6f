"""What a metric of the ladder is.

The command line reads the options of every metric, so the modules here import what they compute
with where they compute.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..clips import Clip
    from ..schema import FigureEntry

Series = dict[str, list[float | None]]  # figure → a value a frame, None where it was not measured
EVERY = 3  # frames: no factor in common with groups of 2, 4, 8 and 16, so all layers are measured


@dataclass(frozen=True)
class Figure:
    """One curve of figures.

    name: in results.
    label, unit: for people.
    higher_is_better: else less is.
    decimals: worth printing.
    perfect: what a clip has against itself, on every frame.
    leeway: how far from that a frame of a clip against itself may be.
    in_panel: whether it is a member of the panel, whose mean BD-rate is the headline.
    search_tolerance: how near a search over crf comes to a target; None: one hundredth of it.
    """

    name: str
    label: str
    unit: str
    higher_is_better: bool
    decimals: int
    perfect: float
    leeway: float = 1e-4
    in_panel: bool = True
    search_tolerance: float | None = None

    def to_dict(self) -> FigureEntry:
        """For JSON."""
        return cast("FigureEntry", asdict(self))


@dataclass(frozen=True)
class MetricOption:
    """A file that a metric needs from the user: ``name`` as on the command line, as in
    ``--lpips-weights``, and ``help`` of one line.
    """

    name: str
    help: str


@dataclass(frozen=True, eq=False)
class Pair:
    """What is compared.

    clip: what both are frames of.
    reference, distorted: (frames, H * 3 / 2, W) uint8, planar 4:2:0 in the clip's matrix and range.
    reference_file, distorted_file: the same as files of raw frames, for programs.
    """

    clip: Clip
    reference: npt.NDArray[np.uint8]
    distorted: npt.NDArray[np.uint8]
    reference_file: Path
    distorted_file: Path


class Metric(ABC):
    """Measures a decoded clip against its source.

    name: as on the command line.
    place: in lists, small first.
    figures: what it gives.
    option: the file it needs from the user, if any.
    version: to be raised when it measures otherwise than before.

    files: what the user named, by the options' names.
    """

    name: ClassVar[str]
    place: ClassVar[float]
    figures: ClassVar[tuple[Figure, ...]]
    option: ClassVar[MetricOption | None] = None
    version: ClassVar[int] = 1

    def __init__(self, files: Mapping[str, str]) -> None:
        self.file = files.get(self.option.name) if self.option else None

    @classmethod
    def kinds(cls) -> Iterator[type[Metric]]:
        """Every class derived from this one that can be made."""
        for kind in cls.__subclasses__():
            if not inspect.isabstract(kind):
                yield kind
            yield from kind.kinds()

    @abstractmethod
    def missing(self, clip: Clip | None = None) -> str | None:
        """Why it cannot be measured, here at all or on that clip; None if it can."""

    @abstractmethod
    def identity(self) -> dict[str, str]:
        """What its figures depend on besides the pictures: libraries with versions, hashes of
        weights.
        """

    @abstractmethod
    def measure(self, pair: Pair) -> Series:
        """All its figures of every frame."""


def too_small(clip: Clip | None, side: int, measure: str) -> str | None:
    """Why a clip is too small, ``measure`` being the beginning of the sentence; None if it has
    ``side`` px a side.
    """
    if clip is not None and min(clip.width, clip.height) < side:
        return f"{measure} {side} px a side, and {clip.name} is {clip.width}x{clip.height}"
    return None
