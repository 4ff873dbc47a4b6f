"""Chunks that are coded while they are read, before anybody knows where they end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from bitstream.sequence_header import SequenceHeader

from ..media.source import SourceFrame
from .chunks import Chunk, KeyframePlanner
from .motion import Luma, MotionSearch
from .settings import EncoderSettings


class OpenChunks:
    """The chunks of a video one after another, the same as ``plan_chunks`` gives, so that a source
    is read once.

    luma: what the planner sees of a picture (H, W, 3).
    Ask for a chunk (``begin``), take all of its frames, and have it whole (``end``).
    """

    def __init__(
        self,
        frames: Iterable[SourceFrame],
        luma: Callable[[npt.NDArray[np.uint8]], Luma],
        planner: KeyframePlanner,
    ) -> None:
        self._frames, self._luma, self._planner = iter(frames), luma, planner
        self._chunk = Chunk(0, 0, 0, is_last=False)
        self._waiting: SourceFrame | None = None  # the first of the next chunk

    @classmethod
    def of(
        cls, source: Iterable[SourceFrame], header: SequenceHeader, settings: EncoderSettings
    ) -> OpenChunks:
        """Those of a stream."""
        search = MotionSearch.for_header(header, settings.effort.flow_preset)
        return cls(source, search.luma, KeyframePlanner(search, settings.gop_size))

    def begin(self) -> Chunk | None:
        """The next one, of which nobody knows how many frames it has: 0; None at the end."""
        if self._chunk.frames:
            before = self._chunk
            self._chunk = Chunk(before.index + 1, before.first + before.frames, 0, is_last=False)
        else:
            self._waiting = self._read()
        return None if self._waiting is None else self._chunk

    def frames(self) -> Iterator[SourceFrame]:
        """Those of the chunk that was begun."""
        count, frame, self._waiting = 0, self._waiting, None
        while frame is not None:
            count += 1
            yield frame
            frame = self._read()
            if frame is not None and self._starts_chunk:
                self._waiting, frame = frame, None
        self._chunk = replace(self._chunk, frames=count, is_last=self._waiting is None)

    def end(self) -> Chunk:
        """The chunk whose frames were taken."""
        return self._chunk

    def _read(self) -> SourceFrame | None:
        frame = next(self._frames, None)
        if frame is not None:
            self._starts_chunk = self._planner.starts_chunk(self._luma(frame.rgb))
        return frame
