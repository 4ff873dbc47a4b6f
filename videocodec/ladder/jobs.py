"""One rung of one ladder: what is encoded and how, where its results are kept, and what is kept of
them.

The folder of a job is named after all that its bytes depend on, so a finished one is never made
again, whatever became of the run that made it:

    coded.mp4      the coded clip
    encode.json    how it was made, and what that took
    decode.json    what decoding took
    frame-N.png    the decoded pictures that the report shows
    METRIC-KEY.json   figures of every frame
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypedDict

from .clips import Clip
from .codecs import Codec, EncodeTask, codec_named
from .codecs.base import Mode
from .files import digest, file_sha256
from .metrics import Metric
from .schema import ClipFields

ENCODE_VERSION = 1  # to be raised when the same settings encode otherwise than before
CODED = "coded.mp4"

_sha256_of_weights = cache(file_sha256)  # every job asks


@dataclass(frozen=True)
class Rung:
    """Bits per second or crf, at a scale."""

    mode: Mode
    value: float
    scale: float = 1.0

    @property
    def label(self) -> str:
        """For people: 40k, crf 30, 40k at 0.5."""
        text = f"crf {self.value:g}" if self.mode == "crf" else rate_label(self.value)
        return text if self.scale == 1 else f"{text} at {self.scale:g}"


class JobEntry(TypedDict):
    """A job as JSON, for another process: all but what it was made for."""

    clip: ClipFields
    codec: str
    mode: Mode
    value: float
    scale: float
    preset: str
    gop_size: int
    threads: int
    model: str
    perceptual: str | None
    finished: str | None


def rate_label(rate: float) -> str:
    """As on the command line: 40k."""
    return f"{rate / 1000:g}k" if rate < 1e6 else f"{rate / 1e6:g}M"


@dataclass(frozen=True)
class Job:
    """One encode of a clip.

    clip, codec, rung, preset, gop_size, threads, model, perceptual: as of ``EncodeTask``.
    sought: the target it was made for by a search over crf, None for one of the ladder.
    finished: the key of an encode that is there already, whatever made it; None to encode by what
        is here today.
    """

    clip: Clip
    codec: Codec
    rung: Rung
    preset: str
    gop_size: int
    threads: int
    model: str
    sought: str | None = None
    perceptual: str | None = None
    finished: str | None = None

    def depends_on(self) -> dict[str, object]:
        """All that the coded bytes depend on."""
        return {
            "format": ENCODE_VERSION,
            "source": self.clip.sha256,
            "codec": self.codec.name,
            "versions": self.codec.versions(self.model),
            "mode": self.rung.mode,
            "value": self.rung.value,
            "scale": self.rung.scale,
            "preset": self.preset,
            "gop_size": self.gop_size,
            "threads": self.threads,
            **(
                {"perceptual": _sha256_of_weights(Path(self.perceptual))} if self.perceptual else {}
            ),
        }

    @property
    def key(self) -> str:
        """SHA-256 of it, or of what it was when the encode was made."""
        return self.finished or digest(self.depends_on())

    def folder(self, cache: Path) -> Path:
        """Where results are kept: readable in front, unique behind."""
        parts = (
            Path(self.clip.folder).name.rsplit("-", 1)[0],
            self.codec.name,
            self.preset,
            self.rung.label.replace(" ", ""),
            self.key[:16],
        )
        return cache / "encodes" / "-".join(parts)

    def task(self, target: Path) -> EncodeTask:
        """For the codec."""
        return EncodeTask(
            self.clip,
            self.rung.scale,
            target,
            self.rung.mode,
            self.rung.value,
            self.preset,
            self.gop_size,
            self.threads,
            self.model,
            self.perceptual,
        )

    def to_dict(self) -> JobEntry:
        """For another process."""
        return {
            "clip": self.clip.to_dict(),
            "codec": self.codec.name,
            "mode": self.rung.mode,
            "value": self.rung.value,
            "scale": self.rung.scale,
            "preset": self.preset,
            "gop_size": self.gop_size,
            "threads": self.threads,
            "model": self.model,
            "perceptual": self.perceptual,
            "finished": self.finished,
        }

    @classmethod
    def from_dict(cls, values: JobEntry) -> Job:
        """Of what ``to_dict`` gave."""
        return cls(
            Clip.from_dict(values["clip"]),
            codec_named(values["codec"]),
            Rung(values["mode"], values["value"], values["scale"]),
            values["preset"],
            values["gop_size"],
            values["threads"],
            values["model"],
            perceptual=values["perceptual"],
            finished=values["finished"],
        )


def metric_file(folder: Path, metric: Metric) -> Path:
    """Where a job keeps the figures of a metric."""
    key = digest({"version": metric.version, "format": 1} | metric.identity())
    return folder / f"{metric.name}-{key[:16]}.json"


def is_encoded(folder: Path) -> bool:
    """Whether the job of that folder was finished."""
    return (folder / "encode.json").is_file()


def shown_frames(clip: Clip, count: int) -> list[int]:
    """Indices of the frames that the report shows, evenly spread."""
    return sorted({int((place + 0.5) * clip.frames / count) for place in range(count)})
