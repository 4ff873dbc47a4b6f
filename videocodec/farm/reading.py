"""The frames of a planned chunk, wherever they are read, and proof that they are those of the plan.

A worker that does the chunk in the middle of a film cannot decode all that comes before it.  It
seeks; and since not every file can be sought in exactly, the frames it gets are compared with a
checksum in the plan, and read from the beginning of the file if they differ.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from ..errors import FrameMismatchError
from ..media.options import SourceOptions
from ..media.seeking import SeekingSource
from ..media.source import SourceFrame, VideoSource
from .plan import PlannedChunk

NEAR = 64  # frames that are sooner decoded than sought


def frame_checksum(frame: SourceFrame) -> int:
    """CRC-32 of a frame's pixels and times."""
    times = struct.pack("<qq", frame.pts, frame.duration)
    return zlib.crc32(np.ascontiguousarray(frame.rgb).data, zlib.crc32(times))


def chunk_checksum(frames: Iterable[int]) -> int:
    """CRC-32 over the checksums of frames."""
    checksum = 0
    for value in frames:
        checksum = zlib.crc32(struct.pack("<I", value), checksum)
    return checksum


class PlannedFrames:
    """Gives the frames of chunks, moving on through the source where the next chunk is near, and
    seeking where it is not.

    path: of the source.  max_frames: of it that are wanted, None for all.
    options: how it is read.
    """

    def __init__(self, path: Path, max_frames: int | None, options: SourceOptions) -> None:
        self._path, self._max_frames, self._options = path, max_frames, options
        self._source: VideoSource | None = None
        self._position = 0

    def frames(self, planned: PlannedChunk, *, seeking: bool = True) -> Iterator[SourceFrame]:
        """The frames of a chunk.

        Raises ``FrameMismatchError`` after the last one if they are not those of the plan: what was
        made of them is worth nothing, and without ``seeking``, from the beginning of the file,
        others may come.
        """
        source = self._at(planned, seeking=seeking)
        checksums = []
        for frame in islice(source, planned.chunk.frames):
            self._position += 1
            checksums.append(frame_checksum(frame))
            yield frame
        if len(checksums) < planned.chunk.frames or chunk_checksum(checksums) != planned.pictures:
            self.close()
            raise FrameMismatchError(
                f"{self._path}: frames {planned.chunk.first} to"
                f" {planned.chunk.first + planned.chunk.frames - 1} are not what they were when the"
                " plan was made: the source was changed, or is decoded by another FFmpeg here"
            )

    def close(self) -> None:
        """Close the source."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def _at(self, planned: PlannedChunk, *, seeking: bool) -> VideoSource:
        """The source, before the first frame of a chunk."""
        first = planned.chunk.first
        if not seeking or first < self._position:
            self.close()
        if self._source is None or (seeking and first > self._position + NEAR):
            self.close()
            self._source, self._position = self._opened(planned, seeking and first > NEAR)
        self._position += self._source.skip(first - self._position)
        return self._source

    def _opened(self, planned: PlannedChunk, seeking: bool) -> tuple[VideoSource, int]:
        """A source, and the number of the frame it is before."""
        if seeking:
            source = SeekingSource(self._path, max_frames=self._max_frames, options=self._options)
            if source.seek(planned.pts, planned.chunk.first):
                return source, planned.chunk.first
            source.close()
        return VideoSource(self._path, max_frames=self._max_frames, options=self._options), 0
