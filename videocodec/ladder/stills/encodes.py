"""Encodes of one picture by one codec, each made once: kept in the cache of the ladder's folder
under all that its bytes depend on.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypedDict

import cv2
import numpy as np

from ...errors import ProgramError
from ...scaling import coded_size, magnified
from ..files import digest, load_json, read_json, write_json
from ..jobs import metric_file
from ..metrics import Metric
from ..metrics.base import Series
from .codecs import Rgb, StillCodec, StillTask
from .pictures import StillPicture

_VERSION = 1  # to be raised when the same settings encode or decode otherwise than before
Count = Literal["picture", "file"]


class _EncodeFile(TypedDict):
    """encode.json in the folder of an encode."""

    picture_bytes: int
    file_bytes: int


class _DecodeFile(TypedDict):
    """decode.json in the folder of an encode."""

    provenance: dict[str, float] | None


@dataclass(frozen=True)
class StillEncode:
    """One encode that is there.

    share, setting: as of ``StillTask``.
    picture_bytes: of the coded picture.  file_bytes: of the whole file.
    folder: where it lies.
    """

    share: float
    setting: float
    picture_bytes: int
    file_bytes: int
    folder: Path


@dataclass(frozen=True)
class ShownStill:
    """What an encode looks like.

    decoded: the file of the picture at full size.
    provenance: kind → share; None of codecs without.
    quality: figure → value.
    """

    decoded: Path
    provenance: dict[str, float] | None
    quality: dict[str, float]


class StillEncodes:
    """The encodes of a picture by a codec.

    root: the cache that they lie in.  model, threads: as of ``StillTask``.  metrics: by which
    pictures are measured.
    """

    def __init__(
        self,
        picture: StillPicture,
        codec: StillCodec,
        root: Path,
        *,
        model: str,
        threads: int,
        metrics: Sequence[Metric],
    ) -> None:
        self._picture, self.codec, self._root = picture, codec, root
        self._model, self._threads, self._metrics = model, threads, metrics
        self._versions = codec.versions(model)
        self._encoded = cache(self._made)

    def at(self, share: float, place: int) -> StillEncode:
        """The encode with the setting at that place, at that share of the sides."""
        return self._encoded(share, self.codec.settings[place])

    def _made(self, share: float, setting: float) -> StillEncode:
        folder = self._folder(share, setting)
        coded = read_json(folder / "encode.json", _EncodeFile)
        if coded is None:
            coded = self._encode(folder, share, setting)
        return StillEncode(share, setting, coded["picture_bytes"], coded["file_bytes"], folder)

    def _encode(self, folder: Path, share: float, setting: float) -> _EncodeFile:
        self._root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=self._root) as name:
            beside = Path(name) / "encode"
            beside.mkdir()
            target = self.file(beside)
            task = StillTask(self._picture.rgb, share, setting, target, self._model, self._threads)
            self.codec.encode(task)
            coded: _EncodeFile = {
                "picture_bytes": self.codec.picture_bytes(target),
                "file_bytes": target.stat().st_size,
            }
            write_json(beside / "encode.json", coded)
            shutil.rmtree(folder, ignore_errors=True)
            beside.rename(folder)
        return coded

    def file(self, folder: Path) -> Path:
        """The coded file in the folder of an encode."""
        return folder / f"coded{self.codec.suffix}"

    def shown(self, encode: StillEncode) -> ShownStill:
        """Decode and measure an encode, or find what was decoded and measured of it."""
        picture = encode.folder / "decoded.png"
        decoded = read_json(encode.folder / "decode.json", _DecodeFile)
        if decoded is None:
            still = self.codec.decode(self.file(encode.folder), self._model, self._threads)
            decoded = {"provenance": still.provenance}
            rgb = magnified(still.rgb, self._picture.size)
            cv2.imwrite(str(picture), np.ascontiguousarray(rgb[..., ::-1]))
            write_json(encode.folder / "decode.json", decoded)
        return ShownStill(picture, decoded["provenance"], self._quality(encode.folder, picture))

    def _quality(self, folder: Path, decoded: Path) -> dict[str, float]:
        missing = [one for one in self._metrics if not metric_file(folder, one).is_file()]
        if missing:
            with tempfile.TemporaryDirectory() as work:
                pair = self._picture.pair(read_rgb(decoded), Path(work))
                for metric in missing:
                    write_json(metric_file(folder, metric), metric.measure(pair))
        quality = {}
        for metric in self._metrics:
            series = load_json(metric_file(folder, metric), Series)
            for figure in metric.figures:
                if (value := series[figure.name][0]) is not None:
                    quality[figure.name] = round(value, 6)
        return quality

    def coded_size(self, share: float) -> tuple[int, int]:
        """Width and height that are coded at a share, px."""
        return coded_size(self._picture.size, share)

    def _folder(self, share: float, setting: float) -> Path:
        key = digest(
            {
                "format": _VERSION,
                "source": self._picture.sha256,
                "codec": self.codec.name,
                "versions": self._versions,
                "share": share,
                "setting": setting,
                "threads": self._threads,
            }
        )
        settings = f"{share:g}-{self.codec.setting_name}{setting:g}"
        return self._root / f"{self.codec.name}-{settings}-{key[:16]}"


def read_rgb(path: Path) -> Rgb:
    """A picture that this ladder wrote, (H, W, 3) uint8.  Raises ``ProgramError``."""
    bgr = cv2.imread(str(path))
    if bgr is None:
        raise ProgramError(f"{path}: no picture")
    return np.ascontiguousarray(np.asarray(bgr, np.uint8)[..., ::-1])
