"""Coding chunks in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from ..errors import InputError
from ..media.options import SourceOptions
from ..media.source import SourceFrame, VideoSource
from .aiming import PictureJudge
from .chunk_coder import ChunkCoder, ChunkTask, CodedChunk, CodingPlan
from .chunks import Chunk
from .coding_networks import CodingNetworks
from .crew import crew_of
from .open_chunks import OpenChunks
from .workplace import UnitCallback, Workers, Workplace


class _SourceCursor:
    """Gives the frames of chunks, moving through the source once as long as chunks come in
    order.
    """

    def __init__(self, path: Path, max_frames: int | None, options: SourceOptions) -> None:
        self._path, self._max_frames, self._options = path, max_frames, options
        self._source: VideoSource | None = None
        self._position = 0

    def frames(self, chunk: Chunk) -> Iterator[SourceFrame]:
        if self._source is None or chunk.first < self._position:
            self.close()
            self._source = VideoSource(
                self._path, max_frames=self._max_frames, options=self._options
            )
            self._position = 0
        self._position += self._source.skip(chunk.first - self._position)
        for frame in islice(self._source, chunk.frames):
            self._position += 1
            yield frame
        if self._position < chunk.first + chunk.frames:
            raise InputError(
                f"{self._path}: it was changed while it was being read: leave it alone until it is"
                " encoded"
            )

    def close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None


def picture_judge(workplace: Workplace, networks: CodingNetworks) -> PictureJudge | None:
    """Who looks at what becomes of frames, if anybody is to."""
    if workplace.perceptual is None:
        return None
    from ..judges.lpips import LpipsSqueeze  # PyTorch, which others may do without
    from ..restoration.diffusion import DiffusionRestoration
    from .judging import PerceptualJudge

    runtime = networks.autoencoder
    restoration = None
    if workplace.bundle.has_unet:
        restoration = DiffusionRestoration(workplace.bundle, workplace.header, runtime.device)
        # One that takes clips would have to see frames that are not coded yet.
        restoration = None if restoration.takes_clips else restoration
    return PerceptualJudge(
        runtime, workplace.header, LpipsSqueeze(workplace.perceptual), restoration
    )


class LocalWorkers(Workers):
    """The calling process alone, with its own way through the source."""

    def __init__(self, workplace: Workplace) -> None:
        networks = CodingNetworks(workplace.bundle, workplace.device, workplace.threads)
        self._coder = ChunkCoder(
            networks,
            workplace.header,
            workplace.memory,
            picture_judge(workplace, networks),
            crew_of(workplace.threads),
        )
        self._cursor = _SourceCursor(workplace.source, workplace.max_frames, workplace.options)

    def run(
        self, tasks: Iterable[ChunkTask | None], on_unit: UnitCallback
    ) -> Iterator[tuple[ChunkTask, tuple[CodedChunk, ...]]]:
        for task in tasks:
            if task is not None:
                yield task, self._coder.code(task, self._cursor.frames, on_unit)

    def run_as_read(
        self, chunks: OpenChunks, plans: tuple[CodingPlan, ...], on_unit: UnitCallback
    ) -> Iterator[tuple[ChunkTask, tuple[CodedChunk, ...]]]:
        while (chunk := chunks.begin()) is not None:
            results = self._coder.code(ChunkTask(chunk, plans), lambda _: chunks.frames(), on_unit)
            yield ChunkTask(chunks.end(), plans), results

    def close(self) -> None:
        self._cursor.close()
