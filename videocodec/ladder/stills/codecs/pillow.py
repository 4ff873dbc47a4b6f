"""AVIF, WebP and JPEG by Pillow."""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np

from .base import DecodedStill, StillCodec, StillTask

_START_OF_SCAN, _COMMENT, _APPLICATION = 0xDA, 0xFE, range(0xE0, 0xF0)  # markers of JPEG


class PillowStill(StillCodec):
    """A format that Pillow reads and writes, chroma at half the width and height.

    format: as Pillow names it.  feature: of Pillow, without which it has not the format.
    options: with which it writes.
    """

    format: ClassVar[str]
    feature: ClassVar[str]
    options: ClassVar[dict[str, object]]
    setting_name = "quality"

    def missing(self) -> str | None:
        if find_spec("PIL") is None:
            return "needs the package pillow: pip install pillow"
        from PIL import features

        return None if features.check(self.feature) else f"this Pillow has no {self.label}"

    def versions(self, model: str) -> dict[str, str]:
        import PIL
        from PIL import features

        versions = {"pillow": PIL.__version__, **{k: f"{v}" for k, v in self.options.items()}}
        return versions | {self.feature: f"{features.version(self.feature)}"}

    def encode(self, task: StillTask) -> None:
        from PIL import Image

        picture = Image.fromarray(task.shrunk())
        picture.save(task.target, self.format, quality=int(task.setting), **self.options)

    def decode(self, path: Path, model: str, threads: int) -> DecodedStill:
        from PIL import Image

        with Image.open(path, formats=[self.format]) as picture:
            return DecodedStill(np.asarray(picture.convert("RGB"), np.uint8))

    def picture_bytes(self, path: Path) -> int:
        return self.counted_bytes(path.read_bytes())

    @abstractmethod
    def counted_bytes(self, data: bytes) -> int:
        """Those of a file that are the coded picture."""


class AvifStill(PillowStill):
    """AV1 by Pillow's libavif at speed 4: about twice the processor time of our own encoder."""

    name, label, suffix = "avif", "AVIF", ".avif"
    format, feature = "AVIF", "avif"
    options: ClassVar[dict[str, object]] = {
        "codec": "auto",
        "speed": 4,
        "max_threads": 1,
        "subsampling": "4:2:0",
    }
    settings = tuple(float(quality) for quality in range(101))
    counted = "what lies in the box mdat"

    def counted_bytes(self, data: bytes) -> int:
        return sum(size for kind, size in _boxes(data) if kind == b"mdat")


class WebpStill(PillowStill):
    """VP8 by libwebp at its slowest."""

    name, label, suffix = "webp", "WebP", ".webp"
    format, feature = "WEBP", "webp"
    options: ClassVar[dict[str, object]] = {"method": 6}
    settings = tuple(float(quality) for quality in range(101))
    counted = "what lies in the chunk VP8"

    def counted_bytes(self, data: bytes) -> int:
        return sum(size for kind, size in _chunks(data) if kind == b"VP8 ")


class JpegStill(PillowStill):
    """JPEG by libjpeg-turbo, with Huffman tables of the picture's own, progressive."""

    name, label, suffix = "jpeg", "JPEG", ".jpg"
    format, feature = "JPEG", "jpg"
    options: ClassVar[dict[str, object]] = {
        "optimize": True,
        "progressive": True,
        "subsampling": "4:2:0",
    }
    settings = tuple(float(quality) for quality in range(1, 101))
    counted = "all but the segments of applications and comments"

    def counted_bytes(self, data: bytes) -> int:
        return len(data) - sum(size for marker, size in _segments(data) if _is_aside(marker))


def _is_aside(marker: int) -> bool:
    return marker == _COMMENT or marker in _APPLICATION


def _boxes(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Kind and bytes of content of each box of an ISO base media file."""
    place = 0
    while place + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        size = size or len(data) - place  # 0: up to the end of the file
        if size < 8:
            return
        yield kind, size - 8
        place += size


def _chunks(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Kind and bytes of content of each chunk of a RIFF file."""
    place = 12
    while place + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, place)
        yield kind, size
        place += 8 + size + size % 2


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Marker and bytes of each segment of a JPEG file before the coded data."""
    place = 2
    while place + 4 <= len(data):
        _, marker, size = struct.unpack_from(">BBH", data, place)
        if marker == _START_OF_SCAN:
            return
        yield marker, 2 + size
        place += 2 + size
