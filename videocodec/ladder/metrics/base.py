"""What a metric of the ladder is."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ..clips import Clip

Series = dict[str, list[float | None]]  # figure → a value a frame, None where it was not measured


@dataclass(frozen=True)
class Figure:
    """One curve of figures: name in results, label and unit for people, whether more is better,
    decimals worth printing.
    """

    name: str
    label: str
    unit: str
    higher_is_better: bool
    decimals: int


@dataclass(frozen=True)
class MetricOptions:
    """Files the user names, absent by default: safetensors of LPIPS with SqueezeNet, and of
    DISTS.
    """

    lpips_weights: str | None = None
    dists_weights: str | None = None


@dataclass(frozen=True, eq=False)
class Pair:
    """What is compared: both (frames, H * 3 / 2, W) uint8, planar 4:2:0 in the clip's matrix and
    range; and the same as files of raw frames, for programs.
    """

    clip: Clip
    reference: np.ndarray
    distorted: np.ndarray
    reference_file: Path
    distorted_file: Path


class Metric(ABC):
    """Measures a decoded clip against its source.

    name: as on the command line.  place: in lists, small first.  figures: what it gives.
    """

    name: ClassVar[str]
    place: ClassVar[int]
    figures: ClassVar[tuple[Figure, ...]]
    version: ClassVar[int] = 1  # to be raised when it measures otherwise than before

    def __init__(self, options: MetricOptions) -> None:
        self.options = options

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
