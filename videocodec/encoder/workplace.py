"""What coding chunks of a video takes, and what whoever codes them offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from bitstream.sequence_header import SequenceHeader

from ..media.options import SourceOptions
from ..models.bundle import ModelBundle
from .chunk_coder import ChunkTask, CodedChunk, CodedUnit, CodingPlan
from .open_chunks import OpenChunks

UnitCallback = Callable[[CodedUnit], None]


@dataclass(frozen=True)
class Workplace:
    """What coding chunks of a video takes, beside the chunks.

    source, max_frames: the video, and how many of its frames are wanted, None for all.
    bundle, header: the model, and what the stream says of itself.
    device: of the networks.
    threads: CPU threads of all processes together, None for as many as the machine has.
    memory: bytes of latents that a process may keep for a later pass.
    perceptual: weights to judge pictures with, if they are to be judged.
    options: how the source is read.
    """

    source: Path
    max_frames: int | None
    bundle: ModelBundle
    header: SequenceHeader
    device: str
    threads: int | None
    memory: int
    perceptual: Path | None = None
    options: SourceOptions = field(default_factory=SourceOptions)


class Workers(ABC):
    """Codes chunks.  Use it as a context manager."""

    @abstractmethod
    def run(
        self, tasks: Iterable[ChunkTask | None], on_unit: UnitCallback
    ) -> Iterator[tuple[ChunkTask, tuple[CodedChunk, ...]]]:
        """Code all tasks → each with its results, in the order in which they are finished.

        ``tasks`` gives None where it has nothing to do yet and wants to be asked again.
        ``on_unit`` is called with every access unit.  Raises what coding raises, and
        ``WorkerError`` if a process dies.
        """

    def run_as_read(
        self, chunks: OpenChunks, plans: tuple[CodingPlan, ...], on_unit: UnitCallback
    ) -> Iterator[tuple[ChunkTask, tuple[CodedChunk, ...]]] | None:
        """As ``run``, of chunks that are coded by the same plans while they are read, in their
        order; None where that cannot be.
        """
        return None

    def close(self) -> None:  # noqa: B027 (workers without processes have nothing to end)
        """End at once; nothing that was being coded is finished."""

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
