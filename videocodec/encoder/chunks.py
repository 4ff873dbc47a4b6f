"""Where keyframes go, decided apart from coding: a video falls into chunks, and each can be coded
without the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .motion import Luma, MotionEstimator

_SHORTEST_GOP = 8  # frames from a keyframe to one that a scene cut asks for
# Novelty (MotionSearch.novelty) measured on the dev clips: two unrelated pictures have 3.0 to 15,
# the fastest sports 2.7.
_CUT_NOVELTY = 2.9


@dataclass(frozen=True)
class Chunk:
    """One closed group of pictures: a keyframe and all frames before the next one.

    index: 0.. in the video.
    first: number of its keyframe among the source's frames, 0...
    frames: how many it has, at least 1; 0 as long as nobody knows (``open_chunks``).
    is_last: whether the video ends with it.
    """

    index: int
    first: int
    frames: int
    is_last: bool


class KeyframePlanner:
    """Says where keyframes go, frame after frame and from nothing but the frames so far: at scene
    cuts, but not closer than 8 frames to the last keyframe, and ``gop_size`` frames after it at the
    latest.
    """

    def __init__(self, search: MotionEstimator, gop_size: int) -> None:
        self._search, self._gop_size = search, gop_size
        self._before: Luma | None = None
        self._since_keyframe = 0

    def starts_chunk(self, luma: Luma) -> bool:
        """Whether the next frame, given by its padded luma (H, W) uint8, is a keyframe."""
        before, self._before = self._before, luma
        # Camera flashes look like cuts twice in a row; intra blocks carry them at less cost than
        # two keyframes.
        keyframe = (
            before is None
            or self._since_keyframe >= self._gop_size
            or (
                self._since_keyframe >= _SHORTEST_GOP
                and self._search.novelty(luma, before) > _CUT_NOVELTY
            )
        )
        self._since_keyframe = 1 if keyframe else self._since_keyframe + 1
        return keyframe


def plan_chunks(lumas: Iterable[Luma], planner: KeyframePlanner) -> Iterator[Chunk | None]:
    """The chunks of a video from the padded luma of its frames.

    After every frame comes the chunk that it completed, or None, so that whoever has something else
    to do can do it in between; the last chunk comes when the frames end.
    """
    index = first = count = 0
    for luma in lumas:
        done = None
        if planner.starts_chunk(luma) and count:
            done = Chunk(index, first, count, False)
            index, first, count = index + 1, first + count, 0
        count += 1
        yield done
    if count:
        yield Chunk(index, first, count, True)
