"""A stream as the page wants it: described in JSON, its frames as bytes that a canvas takes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from bitstream.container import SharedFile

from ..decoded import FrameKind
from ..errors import DamagedFrameError
from ..media.disclosure import Disclosure
from ..reader.reader import VideoReader
from .bit_maps import BitMaps
from .description import describe_frame, describe_stream, packed
from .findings import Findings
from .original import OriginalFrames

if TYPE_CHECKING:
    from ..decoder.frames import Frame

_THUMBNAIL_HEIGHT = 90  # px
_THUMBNAIL_QUALITY = 80  # of JPEG, 0..100
_THUMBNAILS = 512


@dataclass(frozen=True)
class Settings:
    """What the page chooses of the restoration."""

    restore: bool = True
    steps: int = 1


class PlayedStream:
    """One latent-video file, and perhaps its original, for one player.

    Every method may be called from any thread.  Methods that take the number of a frame raise
    ``DamagedFrameError`` for a lost one, unless the reader conceals it.

    Attributes:
        path: of the file.
        index, header: of the reader.
        settings: those it was opened with, which the page begins with.
        frame_count: frames of the stream.
        times: ``pts_seconds`` of all frames.
        start: the time, seconds, at which the sound file begins.
        findings: what became known of frames so far.
        has_sound: whether there is a track of sound.
        on_shown: called with the number of every frame that a page asks for.

    """

    def __init__(
        self,
        path: str | Path,
        reader: VideoReader,
        settings: Settings,
        *,
        seed: int = 0,
        original: str | Path | None = None,
    ) -> None:
        """A stream for a page.

        ``reader`` reads the file, with ``settings``; ``seed`` is that of the restoration, for saved
        pictures; ``original`` is the video that was encoded, None for none.
        """
        self.path, self.index, self.header = Path(path), reader.index, reader.index.header
        self.findings = Findings()
        self.frame_count = len(reader)
        self.times: list[float] = reader.index.pts_seconds.tolist()
        self._reader, self.settings, self._seed = reader, settings, seed
        self.has_sound = reader.metadata.audio_tracks > 0
        self.start = min(Fraction(0), int(self.index.pts[0]) * self.header.time_base)
        self._variants = {settings: reader}
        self._lock = threading.Lock()
        self._thumbnails: OrderedDict[int, bytes] = OrderedDict()
        self._file = SharedFile.open(path)
        self._bit_maps = BitMaps(self.index, reader.bundle.tables, self._unit_bytes)
        self._original_path = None if original is None else Path(original)
        self._original = (
            None
            if original is None
            else OriginalFrames(original, self.header.width, self.header.height, self.times)
        )
        self._asked = time.monotonic()
        self.on_shown: Callable[[int], None] = lambda index: None

    def close(self) -> None:
        """Close files; the reader is its owner's."""
        with self._lock:
            for settings, reader in self._variants.items():
                if settings != self.settings:
                    reader.close()
        self._file.close()
        if self._original is not None:
            self._original.close()

    @property
    def has_original(self) -> bool:
        """Whether there is an original to compare with."""
        return self._original is not None

    def idle_seconds(self) -> float:
        """How long nobody has asked for a picture."""
        return time.monotonic() - self._asked

    def describe(self) -> dict[str, object]:
        """The stream, for the page: everything that is known without decoding."""
        return describe_stream(self.header, self.index, self._reader.metadata) | {
            "name": self.path.name,
            "stem": self.path.name.split(".")[0] or "videocodec",
            "settings": {"restore": self.settings.restore, "steps": self.settings.steps},
            "sound": self.has_sound,
            "sound_start": float(self.start),
            "original": None if self._original_path is None else self._original_path.name,
            "thumbnail": list(self._thumbnail_size()),
        }

    def frame(self, index: int, settings: Settings, *, by_the_way: bool = False) -> Frame:
        """A decoded frame.  by_the_way: not one that is stepped to, so that nothing is decoded
        ahead from there.
        """
        reader = self._variant(settings)
        try:
            frame = reader.peek(index) if by_the_way else reader[index]
        except DamagedFrameError:
            self.note_damage()
            raise
        if frame.kind == FrameKind.CONCEALED:
            self.note_damage()
        self.findings.add_bytes(index, frame.bytes)
        return frame

    def picture(self, index: int, settings: Settings) -> bytes:
        """RGBA of a frame, row by row, H · W · 4 bytes; alpha is 255."""
        self._asked = time.monotonic()
        frame = self.frame(index, settings)
        self.on_shown(index)
        return _rgba(frame.data.transpose(1, 2, 0))

    def original(self, index: int) -> bytes | None:
        """RGBA of the original of a frame, None if it has none at that time."""
        rgb = None if self._original is None else self._original.rgb(index)
        return None if rgb is None else _rgba(rgb)

    def original_rgb(self, index: int) -> np.ndarray | None:
        """The same as (H, W, 3) uint8."""
        return None if self._original is None else self._original.rgb(index)

    def png(self, index: int, settings: Settings) -> bytes:
        """A frame as a PNG file, which says in its metadata how it came about."""
        frame = self.frame(index, settings)
        encoded, data = cv2.imencode(
            ".png",
            cv2.cvtColor(np.ascontiguousarray(frame.data.transpose(1, 2, 0)), cv2.COLOR_RGB2BGR),
        )
        if not encoded:
            raise OSError(f"{self.path}: frame {index} cannot be encoded as PNG")
        ran = (
            (settings.steps, self._seed)
            if settings.restore and self._reader.bundle.has_unet
            else (None, None)
        )
        bundle = self._reader.bundle
        made_by, lost = (bundle.name, bundle.sha256), int(frame.kind == FrameKind.CONCEALED)
        return Disclosure.of(self.header, *ran, made_by=made_by, concealed_frames=lost).mark_png(
            data.tobytes()
        )

    def thumbnail(self, index: int) -> bytes:
        """A small JPEG of a frame, as it is without restoration."""
        with self._lock:
            if index in self._thumbnails:
                self._thumbnails.move_to_end(index)
                return self._thumbnails[index]
        self._asked = time.monotonic()
        frame = self.frame(index, Settings(restore=False), by_the_way=True)
        width, height = self._thumbnail_size()
        small = cv2.resize(
            np.ascontiguousarray(frame.data.transpose(1, 2, 0)),
            (width, height),
            interpolation=cv2.INTER_AREA,
        )
        _, data = cv2.imencode(
            ".jpg",
            cv2.cvtColor(small, cv2.COLOR_RGB2BGR),
            [cv2.IMWRITE_JPEG_QUALITY, _THUMBNAIL_QUALITY],
        )
        with self._lock:
            self._thumbnails[index] = data.tobytes()
            while len(self._thumbnails) > _THUMBNAILS:
                self._thumbnails.popitem(last=False)
        return data.tobytes()

    def details(self, index: int) -> dict[str, object]:
        """What is known of a frame besides its picture: ``description.describe_frame``."""
        try:
            frame = self._reader.latent_frame(index)
        except DamagedFrameError:
            self.note_damage()
            raise
        if frame.kind == FrameKind.CONCEALED:
            self.note_damage()
        self.findings.add_bytes(index, round(frame.byte_share))
        return {"index": index} | describe_frame(self.header, frame)

    def bits(self, index: int) -> dict[str, object]:
        """Bits of every latent position (``decoder.code_lengths``), base64 of little-endian
        float32.
        """
        try:
            return {"index": index, "bits": packed(self._bit_maps.of(index), "<f4")}
        except DamagedFrameError:
            self.note_damage()
            raise

    def note_damage(self) -> None:
        """Tell the pages of access units that were found to be damaged."""
        for unit in self.index.units:
            if unit.damage is not None and not self.findings.has("damaged", unit.first_frame):
                self.findings.add_damage(unit.first_frame, unit.frame_count, unit.damage)

    def _thumbnail_size(self) -> tuple[int, int]:
        """Width and height of thumbnails, px."""
        height = min(_THUMBNAIL_HEIGHT, self.header.height)
        return max(1, round(height * self.header.width / self.header.height)), height

    def _variant(self, settings: Settings) -> VideoReader:
        with self._lock:
            if settings not in self._variants:
                self._variants[settings] = self._reader.with_settings(
                    restore=settings.restore, steps=settings.steps
                )
            return self._variants[settings]

    def _unit_bytes(self, number: int) -> bytes:
        entry = self.index.units[number]
        return self._file.read(entry.position, entry.bytes)


def _rgba(rgb: np.ndarray) -> bytes:
    return cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2RGBA).tobytes()
