"""Pictures to code, and what tests ask of coded chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from bitstream.access_unit import AccessUnit
from videocodec.encoder.chunks import Chunk
from videocodec.media.source import SourceFrame

HEIGHT, WIDTH = 64, 96


class Source:
    """Frames from memory; ``taken`` counts how many were asked for."""

    def __init__(self, pictures: list[np.ndarray] | Iterator[np.ndarray]) -> None:
        self._pictures, self.taken = pictures, 0

    def __iter__(self) -> Iterator[SourceFrame]:
        for index, picture in enumerate(self._pictures):
            self.taken += 1
            yield SourceFrame(picture, 2 * index, 2)


def part(frames: list[SourceFrame], chunk: Chunk) -> list[SourceFrame]:
    """The frames of a chunk."""
    return frames[chunk.first : chunk.first + chunk.frames]


def keyframes(units: list[AccessUnit]) -> list[int]:
    """Display indices of the keyframes."""
    found, index = [], 0
    for unit in units:
        found += [index] if unit.is_keyframe else []
        index += unit.frame_count
    return found


def scene(
    smooth: Callable[..., np.ndarray], seed: int, count: int, step: tuple[int, int] = (0, 0)
) -> list[np.ndarray]:
    """A camera over a smooth picture, moving by ``step`` px per frame."""
    whole = smooth(HEIGHT + abs(step[0]) * count, WIDTH + abs(step[1]) * count, seed)
    return [whole[index * step[0] :, index * step[1] :][:HEIGHT, :WIDTH] for index in range(count)]
