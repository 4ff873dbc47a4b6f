"""Sliding windows over a stream's frames, for networks that restore a clip as a whole: overlaps are
averaged.

Windows begin at multiples of the stride, counted from the first frame of the stream, and end at
keyframes, so that what becomes of a frame depends neither on the batch it is in nor on where
decoding began.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import torch

from ..decoded import DecodedLatents, FrameKind
from ..models.denoiser import SlidingWindow

_KEPT = 4  # clips; frames in order need the results of two for long


def clips_around(
    frames: Sequence[DecodedLatents], position: int, window: SlidingWindow
) -> list[tuple[int, int]]:
    """The clips that show ``frames[position]``, as ranges of positions (begin, end), end excluded,
    in order of time.

    ``frames`` are in display order without gaps and hold ``window.length - 1`` frames on both
    sides, or all there are.
    """
    low, high = max(0, position - window.length + 1), min(len(frames), position + window.length)
    keyframes = [i for i in range(low, high) if frames[i].kind == FrameKind.KEYFRAME]
    low = max([low, *(i for i in keyframes if i <= position)])
    high = min([high, *(i for i in keyframes if i > position)])
    index = frames[position].index
    first = -(-(index - window.length + 1) // window.stride)
    begins = [
        number * window.stride - index + position
        for number in range(first, index // window.stride + 1)
    ]
    return [(max(low, begin), min(high, begin + window.length)) for begin in begins]


class ClipAverage:
    """Restores frames by restoring all clips that show them; a clip counts by its frames, since
    more of them know more.

    restore_clip: frames in display order → (their number, C, h, w) float32, on any device, where
    the result is too; clips needed again for the next frames are kept.
    """

    def __init__(
        self, window: SlidingWindow, restore_clip: Callable[[list[DecodedLatents]], torch.Tensor]
    ) -> None:
        self._window, self._restore_clip = window, restore_clip
        self._done: deque[tuple[list[DecodedLatents], torch.Tensor]] = deque(maxlen=_KEPT)

    @property
    def reach(self) -> int:
        """Frames before and after a frame that its clips hold at most."""
        return self._window.length - 1

    def restore(self, window: list[DecodedLatents], first: int, count: int) -> torch.Tensor:
        """As ``Restoration.restore``, but on the networks' device."""
        wanted = range(first, first + count)
        clips = sorted(
            {clip for position in wanted for clip in clips_around(window, position, self._window)}
        )
        shown: list[list[tuple[int, torch.Tensor]]] = [[] for _ in wanted]
        for begin, end in clips:
            restored = self._clip(window[begin:end])
            for position in range(max(begin, first), min(end, first + count)):
                shown[position - first].append((end - begin, restored[position - begin]))
        return torch.stack([_mean(each) for each in shown])

    def _clip(self, frames: list[DecodedLatents]) -> torch.Tensor:
        for known, restored in self._done:
            if len(known) == len(frames) and all(
                a is b for a, b in zip(known, frames, strict=True)
            ):
                return restored
        self._done.append((frames, self._restore_clip(frames)))
        return self._done[-1][1]


def _mean(versions: list[tuple[int, torch.Tensor]]) -> torch.Tensor:
    """Of what several clips made of a frame, each with its weight."""
    (weight, version), *others = versions
    total = weight * version
    for weight, version in others:
        total = total + weight * version
    return total / sum(weight for weight, _ in versions)
