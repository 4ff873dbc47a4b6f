"""The plan of an encode: all that its bytes depend on, and where its keyframes go.

The file is JSON.  Two plans that would give the same bytes have the same id, wherever their source
lies.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from bitstream.container import Caption
from bitstream.errors import BitstreamError
from bitstream.fields import ByteReader
from bitstream.sequence_header import SequenceHeader

from ..encoder.chunk_coder import ChunkTask
from ..encoder.chunks import Chunk
from ..encoder.pipeline import constant_plans, probe_plans
from ..encoder.request import RateGoal
from ..encoder.settings import EncoderSettings
from ..errors import PlanError
from ..media.options import SourceOptions
from ..version import __version__
from .task_file import settings_from_json, settings_to_json

_MADE_BY, _FORMAT = "videocodec plan", 1
_ID_DIGITS = 16
_MICROSECONDS = 1_000_000  # a second; captions begin at whole ones


@dataclass(frozen=True)
class PlannedSource:
    """The video: where it lay when it was planned, its size in bytes, and the SHA-256 of its first
    and last MiB.
    """

    path: str
    bytes: int
    sha256_of_ends: str


@dataclass(frozen=True)
class PlannedFile:
    """Something that a worker needs at hand, and its SHA-256: the name or folder of a model bundle,
    or a file of weights.
    """

    name: str
    sha256: str


@dataclass(frozen=True)
class PlannedChunk:
    """A chunk, and what tells whether a worker reads the same frames.

    pts: of its first frame, ticks.  ticks: how long it lasts.  pictures: CRC-32 of all its frames
    and their times (``reading.chunk_checksum``).
    """

    chunk: Chunk
    pts: int
    ticks: int
    pictures: int


@dataclass(frozen=True)
class PlannedReading:
    """How the source is read, and what was found when it was.

    options: as of ``encode``.  keep_location: whether the file may say where it was recorded.
    conversions, notes, losses: as of ``VideoSource`` after its last frame.
    """

    options: SourceOptions = field(default_factory=lambda: SourceOptions(strict=False))
    keep_location: bool = False
    conversions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self) | {"options": self.options.to_json()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> PlannedReading:
        """Of what ``to_json`` gave.  Raises ``KeyError``, ``TypeError``, ``ValueError``."""
        return cls(
            SourceOptions.from_json(values["options"]),
            values["keep_location"],
            *(tuple(values[name]) for name in ("conversions", "notes", "losses")),
        )


@dataclass(frozen=True)
class FarmPlan:
    """A plan.

    max_frames: of the source that are wanted, None for all.  is_still: whether it is a picture.
    perceptual: weights to judge pictures by, if they are judged.  reading: of the source.
    header: what the stream says of itself.  captions: words of the file.
    """

    source: PlannedSource
    model: PlannedFile
    perceptual: PlannedFile | None
    settings: EncoderSettings
    goal: RateGoal
    max_frames: int | None
    embed_model: bool
    is_still: bool
    reading: PlannedReading
    header: SequenceHeader
    chunks: tuple[PlannedChunk, ...]
    captions: tuple[Caption, ...] = ()

    @property
    def id(self) -> str:
        """16 hexadecimal digits that stand for everything but places."""
        values = _values(self)
        del values["source"]["path"]
        values["model"] = self.model.sha256
        values["perceptual"] = self.perceptual and self.perceptual.sha256
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:_ID_DIGITS]

    def first_task(self, index: int) -> ChunkTask:
        """What the first pass codes of a chunk.  Raises ``PlanError`` if there is no such chunk."""
        if not 0 <= index < len(self.chunks):
            raise PlanError(f"the plan has chunks 0 to {len(self.chunks) - 1}, and no {index}")
        plans = (
            probe_plans(self.settings)
            if self.goal.is_rated
            else constant_plans(self.settings, self.goal.maxrate)
        )
        return ChunkTask(self.chunks[index].chunk, plans)

    def to_json(self) -> str:
        """The file's text."""
        values = _values(self)
        chunks = values.pop("chunks")
        head = json.dumps(values, indent=1).removesuffix("\n}")
        rows = ",\n  ".join(json.dumps(chunk) for chunk in chunks)
        return f'{head},\n "chunks": [\n  {rows}\n ]\n}}\n'

    @classmethod
    def read(cls, path: Path) -> FarmPlan:
        """The plan in a file.  Raises ``PlanError``."""
        try:
            values = json.loads(path.read_bytes())
        except OSError as error:
            raise PlanError(f"{path} cannot be read: {error.strerror or error}") from error
        except ValueError:
            values = None
        if not isinstance(values, dict) or values.get("made_by") != _MADE_BY:
            raise PlanError(f"{path} is no plan: make one with videocodec plan")
        if (values.get("format"), values.get("version")) != (_FORMAT, __version__):
            raise PlanError(
                f"{path} was made by videocodec {values.get('version')}, and this is {__version__}:"
                " all machines need the same one"
            )
        try:
            return _from_values(values)
        except (ArithmeticError, KeyError, TypeError, ValueError, BitstreamError) as error:
            raise PlanError(f"{path} is damaged ({error}): make it again") from error


def _values(plan: FarmPlan) -> dict[str, Any]:
    values = {
        "made_by": _MADE_BY,
        "format": _FORMAT,
        "version": __version__,
        "source": asdict(plan.source),
        "model": asdict(plan.model),
        "perceptual": None if plan.perceptual is None else asdict(plan.perceptual),
        "settings": settings_to_json(plan.settings),
        "goal": asdict(plan.goal),
        "max_frames": plan.max_frames,
        "embed_model": plan.embed_model,
        "is_still": plan.is_still,
        "reading": plan.reading.to_json(),
        "header": plan.header.to_bytes().hex(),
        "chunks": [
            {
                "first": planned.chunk.first,
                "frames": planned.chunk.frames,
                "pts": planned.pts,
                "ticks": planned.ticks,
                "pictures": f"{planned.pictures:08x}",
            }
            for planned in plan.chunks
        ],
    }
    if plan.captions:  # without any, plans are as they were before there were captions
        values["captions"] = [
            [round(each.begin * _MICROSECONDS), each.text] for each in plan.captions
        ]
    return values


def _from_values(values: Mapping[str, Any]) -> FarmPlan:
    rows = values["chunks"]
    perceptual = values["perceptual"]
    return FarmPlan(
        source=PlannedSource(**values["source"]),
        model=PlannedFile(**values["model"]),
        perceptual=None if perceptual is None else PlannedFile(**perceptual),
        settings=settings_from_json(values["settings"]),
        goal=RateGoal(**values["goal"]),
        max_frames=values["max_frames"],
        embed_model=values["embed_model"],
        is_still=values["is_still"],
        reading=PlannedReading.from_json(values["reading"]),
        header=SequenceHeader.parse(ByteReader(bytes.fromhex(values["header"]))),
        chunks=tuple(
            PlannedChunk(
                Chunk(index, row["first"], row["frames"], index == len(rows) - 1),
                row["pts"],
                row["ticks"],
                int(row["pictures"], 16),
            )
            for index, row in enumerate(rows)
        ),
        captions=tuple(
            Caption(Fraction(time, _MICROSECONDS), text)
            for time, text in values.get("captions", ())
        ),
    )
