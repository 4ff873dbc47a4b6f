"""Planes of 8-bit 4:2:0 frames: read, resized, tagged with a clip's colour, turned into RGB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Interpolation, VideoReformatter

from ..media.colour import ChromaOnLeft, RgbReader

if TYPE_CHECKING:
    from .clips import Clip

_EXACT = Interpolation.ACCURATE_RND | Interpolation.BITEXACT


def read(path: Path) -> Iterator[av.VideoFrame]:
    """Frames of a file in display order, 8-bit 4:2:0 planes, without any tag."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in container.decode(video=0):
            yield untagged(frame)


def untagged(frame: av.VideoFrame) -> av.VideoFrame:
    """The same planes as a new frame: without picture type, side data, timestamps and colour, which
    encoders and filters would act on.
    """
    return av.VideoFrame.from_ndarray(frame.to_ndarray(), format="yuv420p")


def resized(
    frame: av.VideoFrame,
    width: int,
    height: int,
    interpolation: Interpolation = Interpolation.BICUBIC,
) -> av.VideoFrame:
    """Every plane of a 4:2:0 frame at another size; the values keep their meaning, since no colour
    is converted.
    """
    if (frame.width, frame.height) == (width, height):
        return frame
    return VideoReformatter().reformat(
        frame, width=width, height=height, format="yuv420p", interpolation=interpolation | _EXACT
    )


class ToRgb:
    """Planes (H * 3 / 2, W) uint8 of a clip → (H, W, 3) uint8 RGB, by its matrix and range, chroma
    samples on the left.
    """

    def __init__(self, clip: Clip) -> None:
        self._convert, self._tagged = (
            RgbReader(clip.colour, clip.height),
            ChromaOnLeft(clip.width, clip.height),
        )

    def __call__(self, planes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Planes of 4:2:0 (1.5 · H, W) uint8 as a picture (H, W, 3) uint8."""
        return self._convert(
            self._tagged(av.VideoFrame.from_ndarray(np.ascontiguousarray(planes), format="yuv420p"))
        )


def tag(target: av.VideoFrame | av.VideoCodecContext, clip: Clip) -> None:
    """State the clip's colour on a frame or an encoder."""
    target.colorspace, target.color_range = clip.matrix, 2 if clip.full_range else 1
    target.color_primaries, target.color_trc = clip.primaries, clip.transfer
