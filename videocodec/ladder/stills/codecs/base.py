"""What a codec of the ladder of still pictures is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ....scaling import coded_size, shrunk

Rgb = npt.NDArray[np.uint8]  # (H, W, 3)


@dataclass(frozen=True)
class StillTask:
    """One encode.

    rgb: the picture (H, W, 3) uint8 at its full size.
    share: of its width and height that is to be coded, 0 < share ≤ 1.
    setting: one of the codec's ``settings``.
    target: the file to write.
    model: a bundle, where a codec has them.
    threads: of the encoder.
    """

    rgb: Rgb
    share: float
    setting: float
    target: Path
    model: str
    threads: int

    def shrunk(self) -> Rgb:
        """The picture at the size that is to be coded."""
        height, width = self.rgb.shape[:2]
        return shrunk(self.rgb, coded_size((width, height), self.share))


@dataclass(frozen=True)
class DecodedStill:
    """A decoded picture.

    rgb: (H, W, 3) uint8, at full size or at the coded one.
    provenance: kind → share of the picture, as of ``provenance.shares``; None of codecs that have
        none.
    """

    rgb: Rgb
    provenance: dict[str, float] | None = None


class StillCodec(ABC):
    """An encoder of pictures and its decoder.

    name: as on the command line.
    label: for people.
    suffix: of its files.
    setting_name: what its settings are called.
    settings: that it takes, coarsest first.
    counted: which bytes of a file are the coded picture, in words.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    suffix: ClassVar[str]
    setting_name: ClassVar[str]
    settings: ClassVar[tuple[float, ...]]
    counted: ClassVar[str]

    @abstractmethod
    def missing(self) -> str | None:
        """Why this machine cannot do it, None if it can."""

    @abstractmethod
    def versions(self, model: str) -> dict[str, str]:
        """All that, besides its settings, the coded bytes depend on."""

    @abstractmethod
    def encode(self, task: StillTask) -> None:
        """Write ``task.target``."""

    @abstractmethod
    def picture_bytes(self, path: Path) -> int:
        """Bytes of the coded picture in a file, without what is container."""

    @abstractmethod
    def decode(self, path: Path, model: str, threads: int) -> DecodedStill:
        """The picture of a file."""
