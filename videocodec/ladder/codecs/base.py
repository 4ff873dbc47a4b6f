"""What a codec of the ladder is."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import av

from ..clips import Clip
from ..schema import DecoderBytes

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


@dataclass(frozen=True)
class DecodedFrame:
    """A frame as the decoder has it.

    seconds: when it is shown, from the start of the clip; None if the file does not say.
    planes: makes 8-bit 4:2:0 planes of it, at its coded size; called out of the time that is
        measured.
    """

    seconds: float | None
    planes: Callable[[], av.VideoFrame]


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
    def decode(self, path: Path, clip: Clip, threads: int, model: str) -> Iterator[DecodedFrame]:
        """Frames in display order."""

    @abstractmethod
    def tuned_for(self, model: str, perceptual: bool) -> str:
        """Which measure the encoder aims at as it is used here, in words.

        perceptual: whether it looks through weights while it encodes.
        """

    def decoder_bytes(self, model: str) -> DecoderBytes:
        """What decoding needs beyond PyAV, which every codec here needs: ``model`` and ``code``,
        ``libraries`` apart; 0 for the codecs that PyAV brings.
        """
        return {"model": 0, "code": 0, "libraries": 0}
