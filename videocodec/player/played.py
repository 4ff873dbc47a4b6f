"""What the page plays: one file, ordinary or latent video, as the routes ask for it."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import LatentVideoError
from .findings import Findings
from .original import OriginalFrames

Picture = npt.NDArray[np.uint8]  # (H, W, 3) RGB

_THUMBNAIL_HEIGHT = 90  # px
_THUMBNAIL_QUALITY = 80  # of JPEG, 0..100
_THUMBNAILS = 512


@dataclass(frozen=True)
class Settings:
    """What the page chooses of the restoration."""

    restore: bool = True
    steps: int = 1


class PlayedFile(ABC):
    """One file that the page shows.  Every method may be called from any thread.

    path: of the file.
    width, height: of its pictures, px.
    times: when its frames are shown, seconds, ascending.
    settings: those that the page begins with.
    has_sound: whether there is a track of sound; ``start``: the time, seconds, at which it is to
    begin.

    Attributes:
        frame_count: frames of the file.
        findings: what became known of frames so far.
        on_shown: called with the number of every frame that a page asks for.
        original: the frames of the source beside those of the file, None for none.

    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        times: Sequence[float],
        settings: Settings,
        *,
        has_sound: bool,
        start: Fraction,
    ) -> None:
        self.path, self.width, self.height, self.times = Path(path), width, height, times
        self.settings, self.has_sound, self.start = settings, has_sound, start
        self.frame_count = len(times)
        self.findings = Findings()
        self.original: OriginalFrames | None = None
        self.on_shown: Callable[[int], None] = lambda index: None
        self._last_request = time.monotonic()
        self._thumbnails: OrderedDict[int, bytes] = OrderedDict()
        self._thumbnails_lock = threading.Lock()

    @abstractmethod
    def describe(self) -> dict[str, object]:
        """The file, for the page: everything that is known without decoding."""

    @abstractmethod
    def rgb(self, index: int, settings: Settings, *, by_the_way: bool = False) -> Picture:
        """A picture (H, W, 3) uint8 RGB, read only.

        by_the_way: not one that is stepped to, so that nothing is decoded ahead from there.

        Raises ``DamagedFrameError`` for a frame that is lost, and ``InputError`` for one that
        cannot be read.
        """

    def between(self, index: int, share: Fraction, settings: Settings) -> Picture | None:
        """A picture made up for the time that is ``share`` (0..1) of the way from a frame to the
        next; None where nothing may be made up, as in every ordinary video.
        """
        return None

    @abstractmethod
    def png(self, index: int, settings: Settings) -> bytes:
        """A picture as a PNG file to keep."""

    @abstractmethod
    def details(self, index: int) -> dict[str, object]:
        """What is known of a frame besides its picture, for JSON."""

    @abstractmethod
    def bits(self, index: int) -> dict[str, object] | None:
        """What every part of a frame cost, for JSON; None where the file does not tell."""

    @abstractmethod
    def weigh(self) -> Sequence[Callable[[], None]]:
        """Steps that find out what frames cost, one after another, as far as it is not known."""

    @abstractmethod
    def close(self) -> None:
        """Close files."""

    def needs_pytorch(self) -> bool:
        """Whether its pictures are made in PyTorch, which takes seconds to load."""
        return False

    def idle_seconds(self) -> float:
        """How long nobody has asked for a picture."""
        return time.monotonic() - self._last_request

    def facts(self) -> dict[str, object]:
        """What ``describe`` says of every kind of file."""
        return {
            "name": self.path.name,
            "stem": self.path.name.split(".")[0] or "videocodec",
            "settings": {"restore": self.settings.restore, "steps": self.settings.steps},
            "sound": self.has_sound,
            "sound_start": float(self.start),
            "original": None if self.original is None else self.original.path.name,
            "thumbnail": list(self._thumbnail_size()),
        }

    def pictures(self, first: int, settings: Settings, count: int = 1) -> bytes:
        """RGBA of frames, row by row, H · W · 4 bytes each; alpha is 255.  There are ``count`` of
        them, fewer at the end and before one that is lost.
        """
        found: list[bytes] = []
        for index in range(first, min(first + count, self.frame_count)):
            self._last_request = time.monotonic()
            try:
                rgb = self.rgb(index, settings)
            except (LatentVideoError, OSError):
                if not found:
                    raise
                break
            self.on_shown(index)
            found.append(_rgba(rgb))
        return b"".join(found)

    def picture_between(self, index: int, share: Fraction, settings: Settings) -> bytes | None:
        """RGBA of what ``between`` gives."""
        self._last_request = time.monotonic()
        rgb = self.between(index, share, settings)
        return None if rgb is None else _rgba(rgb)

    def original_picture(self, index: int) -> bytes | None:
        """RGBA of the original of a frame, None if it has none at that time."""
        rgb = self.original_rgb(index)
        return None if rgb is None else _rgba(rgb)

    def original_rgb(self, index: int) -> Picture | None:
        """The same as (H, W, 3) uint8."""
        return None if self.original is None else self.original.rgb(index)

    def thumbnail(self, index: int) -> bytes:
        """A small JPEG of a frame, as it is without restoration."""
        with self._thumbnails_lock:
            if index in self._thumbnails:
                self._thumbnails.move_to_end(index)
                return self._thumbnails[index]
        self._last_request = time.monotonic()
        rgb = self.rgb(index, Settings(restore=False), by_the_way=True)
        small = cv2.resize(
            np.ascontiguousarray(rgb), self._thumbnail_size(), interpolation=cv2.INTER_AREA
        )
        _, data = cv2.imencode(
            ".jpg",
            cv2.cvtColor(small, cv2.COLOR_RGB2BGR),
            [cv2.IMWRITE_JPEG_QUALITY, _THUMBNAIL_QUALITY],
        )
        with self._thumbnails_lock:
            self._thumbnails[index] = data.tobytes()
            while len(self._thumbnails) > _THUMBNAILS:
                self._thumbnails.popitem(last=False)
        return data.tobytes()

    def _thumbnail_size(self) -> tuple[int, int]:
        """Width and height of thumbnails, px."""
        height = min(_THUMBNAIL_HEIGHT, self.height)
        return max(1, round(height * self.width / self.height)), height


def encode_png(rgb: Picture, path: Path, index: int) -> bytes:
    """A picture as a PNG file.  Raises ``OSError`` that names file and frame."""
    encoded, data = cv2.imencode(".png", cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR))
    if not encoded:
        raise OSError(f"{path}: frame {index} cannot be encoded as PNG")
    return data.tobytes()


def _rgba(rgb: Picture) -> bytes:
    return cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2RGBA).tobytes()
