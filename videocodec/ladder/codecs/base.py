"""What a codec of the ladder is."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import av

from ..clips import Clip

Mode = Literal["bitrate", "crf"]


@dataclass(frozen=True)
class EncodeTask:
    """One encode; temporary files go into the working directory.

    clip, scale: the frames, and the share of their width and height to code.
    target: the file to write.
    mode, value: bits per second or crf.
    gop_size: longest distance of keyframes in frames.
    threads: of the encoder.
    model: a bundle, where a codec has them.
    perceptual: weights that this codec looks through while it encodes, if it is to.
    """

    clip: Clip
    scale: float
    target: Path
    mode: Mode
    value: float
    preset: str
    gop_size: int
    threads: int
    model: str
    perceptual: str | None = None

    @property
    def source(self) -> Path:
        """The lossless file to encode."""
        return self.clip.path(self.scale)


@dataclass(frozen=True)
class Encoded:
    """What an encode was.

    command: how it was made, as a command line.
    passes: over the video; whole encodes, the quick ones of a search among them.
    crf: it ended at, where it has one.
    notes: for people.
    """

    command: str
    passes: int
    crf: float | None = None
    notes: list[str] = field(default_factory=list)


class Codec(ABC):
    """An encoder and its decoder.

    name: as on the command line.
    label: for people.
    place: in lists, small first.
    presets: its speeds, best first.
    default_preset: see docs/ladder.md for how it was chosen.
    crf_range, crf_step: what its constant quality takes, lower is better.
    default_crfs: from better than ours at its best to worse than ours at its worst.
    smallest_side: px.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    place: ClassVar[int]
    presets: ClassVar[tuple[str, ...]]
    default_preset: ClassVar[str]
    crf_range: ClassVar[tuple[float, float]]
    crf_step: ClassVar[float] = 1
    default_crfs: ClassVar[tuple[float, ...]]
    smallest_side: ClassVar[int] = 16

    @classmethod
    def kinds(cls) -> Iterator[type[Codec]]:
        """Every class derived from this one that can be made."""
        for kind in cls.__subclasses__():
            if not inspect.isabstract(kind):
                yield kind
            yield from kind.kinds()

    @abstractmethod
    def missing(self) -> str | None:
        """Why this build cannot do it, None if it can."""

    def warm_up(self) -> None:  # noqa: B027 (most codecs import nothing slow)
        """Import what is slow to import: loading a program is not part of the time it takes."""

    @abstractmethod
    def versions(self, model: str) -> dict[str, str]:
        """All that, besides its settings, the coded bytes depend on: libraries by name, hashes."""

    @abstractmethod
    def encode(self, task: EncodeTask) -> Encoded:
        """Write ``task.target``, an MP4 file."""

    @abstractmethod
    def frame_bytes(self, path: Path) -> list[int]:
        """Bytes of coded video, frame by frame in display order: their sum is what the ladder
        counts.
        """

    @abstractmethod
    def decode(self, path: Path, clip: Clip, threads: int, model: str) -> Iterator[object]:
        """Frames in display order, as the decoder has them; ``planes`` makes pictures of them, out
        of the time that is measured.
        """

    @abstractmethod
    def seconds(self, frame: object) -> float | None:
        """When a frame of ``decode`` is shown, from the start of the clip; None if it does not
        say.
        """

    @abstractmethod
    def planes(self, frame: object, clip: Clip) -> av.VideoFrame:
        """8-bit 4:2:0 planes of what ``decode`` gave, at its coded size."""

    @abstractmethod
    def tuned_for(self, model: str, perceptual: bool) -> str:
        """Which measure the encoder aims at as it is used here, in words.

        perceptual: whether it looks through weights while it encodes.
        """

    def decoder_bytes(self, model: str) -> dict[str, int]:
        """What decoding needs beyond PyAV, which every codec here needs: ``model`` and ``code``,
        ``libraries`` apart; 0 for the codecs that PyAV brings.
        """
        return {"model": 0, "code": 0, "libraries": 0}
