"""What is asked of an encode, checked before any work is done."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from bitstream.container import Caption, Labels, captions_box

from ..checks import check_number, check_whole_number
from ..cluster import check_executor
from ..errors import InputError, OutputError, UnknownModelError
from ..media.frame_sink import check_target
from ..media.options import SourceOptions
from ..media.source import VideoSource
from .settings import EncoderSettings

TARGET_SUFFIXES = (".mp4", ".m4v")
_HIGHEST_RATE = 1e15  # bits or bytes, far beyond what can be


@dataclass(frozen=True)
class RateGoal:
    """How much a video may take: a bitrate, bits per second of the video alone, or a size of the
    file in bytes without sound and attached model; or neither, for the constant crf of the
    settings.  maxrate: bits that no second of it exceeds, with any of these.
    """

    bitrate: float | None = None
    target_size: float | None = None
    maxrate: int | None = None

    @classmethod
    def checked(
        cls, bitrate: float | None, target_size: float | None, maxrate: float | None
    ) -> RateGoal:
        """From what a caller gave.  Raises ``ValueError``."""
        rates = {"bitrate": bitrate, "target_size": target_size, "maxrate": maxrate}
        for name, value in rates.items():
            if value is not None:
                check_number(name, value, 1, _HIGHEST_RATE)
        return cls(bitrate, target_size, None if maxrate is None else int(maxrate))

    @property
    def is_rated(self) -> bool:
        """Whether the crf has to be found."""
        return self.bitrate is not None or self.target_size is not None


@dataclass(frozen=True)
class EncodeRequest:
    """One encode: from where to where, how, and with what.

    perceptual: weights to judge pictures by, None for no judge.
    options: how the source is read.
    tries_scales: whether a trial chooses the scale of ``options`` and the crf of ``settings``.
    keep_location: whether the file may say where it was recorded.
    captions: words that go into the file.

    The others as of ``videocodec.encode``.  Raises ``ValueError`` for what cannot be.
    """

    source: Path
    target: Path
    settings: EncoderSettings
    goal: RateGoal
    perceptual: Path | None
    max_frames: int | None
    model: str | Path
    embed_model: bool
    device: str
    threads: int | None
    jobs: int
    executor: str
    resume: bool
    overwrite: bool
    options: SourceOptions = field(default_factory=SourceOptions)
    keep_location: bool = False
    captions: tuple[Caption, ...] = ()
    tries_scales: bool = False

    def __post_init__(self) -> None:
        check_whole_number("jobs", self.jobs, 1)
        check_executor(self.executor)
        for name in ("max_frames", "threads"):
            if getattr(self, name) is not None:
                check_whole_number(name, getattr(self, name), 1)

    def identity(self) -> dict[str, object]:
        """What the bytes depend on beside source, settings and model."""
        asked: dict[str, object] = {
            "bitrate": self.goal.bitrate,
            "target_size": self.goal.target_size,
            "maxrate": self.goal.maxrate,
            "max_frames": self.max_frames,
            "device": self.device,
        }
        if self.options != SourceOptions(strict=False):
            asked["reading"] = self.options.to_json()
        if self.captions and self.goal.is_rated:
            asked["captions_bytes"] = self.captions_bytes
        if self.perceptual is not None:
            asked["perceptual_sha256"] = weights_sha256(self.perceptual)
        return asked

    @property
    def captions_bytes(self) -> int:
        """What the captions take of the file."""
        return len(captions_box(self.captions))

    def labels_of(self, video: VideoSource) -> Labels:
        """The tags and chapters that the file takes over from its source."""
        return video.labels if self.keep_location else video.labels.without_location()

    def check_target(self) -> None:
        """Refuse what would lose something."""
        check_stream_target(self.source, self.target, overwrite=self.overwrite)


def check_stream_target(source: Path, target: Path, *, overwrite: bool) -> None:
    """Raise unless a latent-video file can be put there without losing something.

    ``InputError`` where it is the source, ``OutputError`` where its name or place will not do,
    ``OutputExistsError`` where a file is in the way.
    """
    if target.exists() and source.exists() and target.samefile(source):
        raise InputError(f"{source}: input and output are the same file: name another output")
    if target.suffix.lower() not in TARGET_SUFFIXES:
        raise OutputError(
            f"{target}: a latent-video file is an MP4 file: give a name that ends in"
            f" {' or '.join(TARGET_SUFFIXES)}"
        )
    check_target(target, overwrite=overwrite)


def weights_sha256(file: Path) -> str:
    """SHA-256 of a file of weights; of an ordinary one, for nobody may ever write to a pipe.

    Raises ``UnknownModelError``.
    """
    try:
        if file.exists() and not file.is_file():
            raise UnknownModelError(
                f"{file}: weights to judge pictures by must be an ordinary file"
            )
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise UnknownModelError(
            f"{file}: weights to judge pictures by cannot be read: {error.strerror or error}"
        ) from error
