"""Which frames go through the networks together, and which they see around them.

Networks round otherwise in batches of another size, and a picture is to be the same to the last bit
whether one came to it in order or by a jump.  So batches are fixed: counted from the keyframe.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..decoded import DecodedLatents, FrameKind


@dataclass(frozen=True)
class Batch:
    """window: frames in display order without gaps; places: of those in the batch among them."""

    window: list[DecodedLatents]
    places: range

    @property
    def first(self) -> int:
        """Index of its first frame."""
        return self.window[0].index + self.places.start

    @property
    def stop(self) -> int:
        """Index after its last frame."""
        return self.window[0].index + self.places.stop


def batches(frames: Iterable[DecodedLatents], size: int, reach: int) -> Iterator[Batch]:
    """Frames in order from a keyframe on → batches of ``size`` frames, each with the frames within
    ``reach`` around it, as far as they are in its group of pictures and not lost.
    """
    builder = _BatchBuilder(size, reach)
    for frame in frames:
        yield from builder.push(frame)
    yield from builder.finish()


class _BatchBuilder:
    """Holds what batches to come need: frames, and batches that wait for frames after them."""

    def __init__(self, size: int, reach: int) -> None:
        self._size, self._reach = size, reach
        self._window: list[DecodedLatents] = []
        self._waiting: deque[range] = deque()
        self._keyframe = self._begin = 0  # of this group of pictures, and of the batch being filled

    def push(self, frame: DecodedLatents) -> list[Batch]:
        """Take a frame → the batches that are complete."""
        if frame.kind == FrameKind.CONCEALED:
            # Nothing after a lost frame builds on what is before it, and no restoration is to look
            # at what nobody sent.
            return [*self.finish(), Batch([frame], range(1))]
        if not self._window or frame.kind == FrameKind.KEYFRAME:
            self._close(frame.index)
            self._keyframe = self._begin = frame.index
        self._window.append(frame)
        stop = frame.index + 1
        if (stop - self._keyframe) % self._size == 0:
            self._close(stop)
        done = []
        while self._waiting and self._waiting[0].stop + self._reach <= stop:
            done.append(self._batch(self._waiting.popleft()))
            self._forget()
        return done

    def finish(self) -> list[Batch]:
        """Whatever waits, with nothing more after it."""
        if self._window:
            self._close(self._window[-1].index + 1)
        done = [self._batch(frames) for frames in self._waiting]
        self._waiting.clear()
        self._window = []
        return done

    def _close(self, stop: int) -> None:
        """The batch being filled ends before frame ``stop``."""
        if self._window and self._begin < stop:
            self._waiting.append(range(self._begin, stop))
            self._begin = stop

    def _batch(self, frames: range) -> Batch:
        offset = self._window[0].index
        return Batch(self._window, range(frames.start - offset, frames.stop - offset))

    def _forget(self) -> None:
        """Keep the neighbours that the next batch looks back at, and nothing before them."""
        first = self._waiting[0].start if self._waiting else self._begin
        self._window = self._window[max(0, first - self._reach - self._window[0].index) :]
