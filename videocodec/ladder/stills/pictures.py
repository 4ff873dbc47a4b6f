"""The pictures that every codec gets: 8-bit RGB, as ``VideoSource`` reads any picture."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from ...errors import ComparisonError, InputError
from ...media.colour import BT709, YuvWriter
from ...media.options import SourceOptions
from ...media.source import VideoSource
from ..clips import Clip
from ..metrics import Pair
from ..planes import untagged
from .codecs import Rgb

_SMALLEST_SIDE = 16  # px
_BLACK = (0, 0, 0)  # behind what is transparent
_SRGB = 13  # transfer characteristics of H.273


@dataclass(frozen=True, eq=False)
class StillPicture:
    """One picture.

    name: of the source, without suffix.
    source: its path as given.
    rgb: (H, W, 3) uint8, of even sides.
    notes: what was done to it, a line each.
    """

    name: str
    source: str
    rgb: Rgb
    notes: tuple[str, ...] = ()
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        height, width = self.rgb.shape[:2]
        hashed = hashlib.sha256(f"{width}x{height}".encode() + self.rgb.tobytes())
        object.__setattr__(self, "sha256", hashed.hexdigest())

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        return self.rgb.shape[1], self.rgb.shape[0]

    def as_clip(self) -> Clip:
        """A clip of one frame in full-range BT.709, as metrics take them."""
        return Clip(
            self.name, self.source, "", self.sha256, *self.size, 1, "25", 1, _SRGB, BT709, True
        )

    def pair(self, decoded: Rgb, folder: Path) -> Pair:
        """The picture and what became of it, as planes of 4:2:0 that lie in ``folder`` as files."""
        clip = self.as_clip()
        planes, files = [], []
        for name, rgb in (("reference", self.rgb), ("distorted", decoded)):
            planes.append(_planes(rgb, clip))
            files.append(folder / f"{name}.yuv")
            planes[-1].tofile(files[-1])
        return Pair(clip, planes[0], planes[1], files[0], files[1])


def read_pictures(sources: Sequence[str | Path]) -> list[StillPicture]:
    """The pictures of these files.

    Raises ``ComparisonError`` where two have the same name, ``InputError`` for what is no picture
    or cannot be read.
    """
    pictures = [_read(Path(source)) for source in sources]
    names = [picture.name for picture in pictures]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ComparisonError(
            f"two pictures are called {twice}: results are listed by name, so rename one"
        )
    return pictures


def _read(source: Path) -> StillPicture:
    with VideoSource(source, max_frames=1, options=SourceOptions(background=_BLACK)) as opened:
        if not opened.is_still:
            raise InputError(f"{source} is no still picture: --stills compares pictures")
        rgb = next(iter(opened)).rgb
        notes = list(opened.conversions)
    height, width = rgb.shape[:2]
    if min(height, width) < _SMALLEST_SIDE:
        raise InputError(
            f"{source} is {width}x{height}: a ladder needs {_SMALLEST_SIDE} px a side or more"
        )
    if height % 2 or width % 2:
        notes.append("the last column or row was left out, for even sides")
        rgb = rgb[: height - height % 2, : width - width % 2]
    return StillPicture(source.stem, str(source), np.ascontiguousarray(rgb), tuple(notes))


def _planes(rgb: Rgb, clip: Clip) -> npt.NDArray[np.uint8]:
    """A picture as a clip of one frame, (1, H * 3 / 2, W) uint8."""
    frame: av.VideoFrame = untagged(YuvWriter(clip.colour, "yuv420p")(rgb))
    return np.asarray(frame.to_ndarray(), np.uint8)[None]
