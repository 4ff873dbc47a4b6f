"""Making a pack of folders of photographs and clips.  Needs PyAV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...errors import InputError
from ..pictures import picture_files
from .pack import Entry, Kind, encoded

CLIP_SUFFIXES = {".mp4", ".mkv", ".webm", ".mov", ".y4m"}
_SMALLEST = 128  # px a side
_VALIDATION_SIDE = 192  # px a side, of what is held out


@dataclass(frozen=True)
class Collection:
    """What a pack is made of.

    photographs, clips: folders.
    validation: folder of pictures that are held out as frames, or None for frames of held-out
    scenes.
    every: of how many frames of a clip one is taken.
    side: px; pictures whose shorter side is more than a ninth longer are shrunk to it.
    quality: of JPEG.
    hold_out: of how many photographs, and of how many scenes, one is held out.
    """

    photographs: Sequence[Path]
    clips: Sequence[Path]
    validation: Path | None = None
    every: int = 8
    side: int = 288
    quality: int = 93
    photographs_held_out: int = 37
    scenes_held_out: int = 12


def collect(collection: Collection) -> Iterator[Entry]:
    """The entries of a pack, photographs first.  Raises ``InputError`` if there is nothing."""
    files = picture_files(collection.photographs)
    clips = sorted(
        file
        for folder in collection.clips
        for file in folder.rglob("*")
        if file.suffix.lower() in CLIP_SUFFIXES
    )
    if not files or not clips:
        raise InputError(f"{len(files)} photographs and {len(clips)} clips: needs some of both")
    for index, file in enumerate(files):
        picture = _read(file, collection.side)
        if picture is not None:
            is_held = index % collection.photographs_held_out == 0 and _is_large(picture)
            kind = Kind.HELD_OUT_PHOTOGRAPH if is_held else Kind.PHOTOGRAPH
            yield encoded(picture, kind, collection.quality)
    held = set() if collection.validation else set(scenes(clips)[:: collection.scenes_held_out])
    for clip in clips:
        yield from _frames(clip, collection, is_held=scene(clip) in held)
    for file in picture_files([collection.validation] if collection.validation else []):
        picture = _read(file, collection.side)
        if picture is not None and _is_large(picture):
            yield encoded(picture, Kind.HELD_OUT_FRAME, collection.quality)


def scene(clip: Path) -> str:
    """What a clip shows: clips called alike up to the first underscore were filmed in one place,
    and are never both trained on and held out.
    """
    return clip.stem.split("_")[0]


def scenes(clips: Sequence[Path]) -> list[str]:
    """All of them, sorted."""
    return sorted({scene(clip) for clip in clips})


def _frames(clip: Path, collection: Collection, is_held: bool) -> Iterator[Entry]:
    """Every so manieth frame; of a scene held out the first alone.  A clip that breaks off ends
    there.
    """
    import av

    try:
        with av.open(str(clip)) as container:
            for index, frame in enumerate(container.decode(video=0)):
                if index % collection.every:
                    continue
                picture = _shrunk(frame.to_ndarray(format="bgr24"), collection.side)
                if min(picture.shape[:2]) < (_VALIDATION_SIDE if is_held else _SMALLEST):
                    return
                yield encoded(
                    picture, Kind.HELD_OUT_FRAME if is_held else Kind.FRAME, collection.quality
                )
                if is_held:
                    return
    except (av.FFmpegError, IndexError):
        return


def _read(file: Path, side: int) -> np.ndarray | None:
    """A picture, BGR, None for what is none or too small."""
    picture = cv2.imread(str(file))
    if picture is None or min(picture.shape[:2]) < _SMALLEST:
        return None
    return _shrunk(picture, side)


def _shrunk(picture: np.ndarray, side: int) -> np.ndarray:
    shorter = min(picture.shape[:2])
    if shorter <= side * 10 / 9:
        return picture
    factor = side / shorter
    return cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def _is_large(picture: np.ndarray) -> bool:
    return bool(min(picture.shape[:2]) >= _VALIDATION_SIDE)
