"""The frames every codec gets: 8-bit 4:2:0 with stated matrix and range, at a constant frame rate,
stored without loss.

A source that is 8-bit 4:2:0 keeps its samples untouched.  Any other goes to 4:2:0 once, here,
before any codec sees it. Reduced resolutions are made of these frames (Lanczos) and lead back to
their size (bicubic) before anything is measured.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Interpolation

from bitstream.sequence_header import ColourDescription

from ..errors import InputError
from ..media.colour import BT709, YuvWriter, stored_as
from ..media.source import VideoSource
from .files import digest, file_sha256, read_json, write_json
from .planes import read, resized, tag, untagged
from .schema import ClipFields

FORMAT = 1  # to be raised when the frames made of the same source change
SMALLEST_SIDE = 16
_AS_STORED = frozenset({"yuv420p", "yuvj420p"})
_LOSSLESS = {"preset": "ultrafast", "qp": "0", "g": "50"}
_MATRIX_NAMES = {BT709: "BT.709", 4: "FCC", 5: "BT.601", 6: "BT.601", 7: "SMPTE 240M", 9: "BT.2020"}


@dataclass(frozen=True)
class Clip:
    """One prepared clip.

    name: of the source, without suffix.
    source: its path as given.
    folder: where the prepared files lie.
    sha256: of the frames, their rate and colour.
    width, height: px, even.
    frames: 2 or more.
    rate: frames per second as "num/den".
    primaries, transfer, matrix, full_range: H.273 code points, the matrix never unspecified.
    notes: what was done to the source, a line each.
    """

    name: str
    source: str
    folder: str
    sha256: str
    width: int
    height: int
    frames: int
    rate: str
    primaries: int
    transfer: int
    matrix: int
    full_range: bool
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Of video."""
        return float(self.frames / Fraction(self.rate))

    @property
    def colour(self) -> ColourDescription:
        """For conversions."""
        return ColourDescription(self.primaries, self.transfer, self.matrix, self.full_range)

    @property
    def colour_path(self) -> str:
        """In words."""
        matrix = _MATRIX_NAMES.get(self.matrix, f"matrix {self.matrix}")
        return f"8-bit 4:2:0, {matrix}, {'full' if self.full_range else 'limited'} range"

    def size(self, scale: float) -> tuple[int, int]:
        """Width and height at a scale, even numbers."""
        return _even(self.width * scale), _even(self.height * scale)

    def path(self, scale: float = 1) -> Path:
        """The lossless file at a scale, made if it is not there."""
        path = Path(self.folder) / f"{scale:g}.mp4"
        if not path.is_file():
            if scale == 1:
                raise InputError(
                    f"{path}: the prepared frames of {self.name} are gone: start again"
                )
            width, height = self.size(scale)
            _write(
                path,
                self,
                (
                    resized(frame, width, height, Interpolation.LANCZOS)
                    for frame in read(self.path())
                ),
            )
        return path

    def reference(self) -> npt.NDArray[np.uint8]:
        """All frames, (frames, H * 3 / 2, W) uint8: planar 4:2:0, as NumPy maps them from a file
        that ``discard_reference`` removes.
        """
        path = Path(self.folder) / "reference.yuv"
        if not path.is_file():
            beside = path.with_name(f"{path.name}.part{os.getpid()}")
            with beside.open("wb") as file:
                for frame in read(self.path()):
                    file.write(frame.to_ndarray().tobytes())
            beside.replace(path)
        return as_frames(path, self)

    def discard_reference(self) -> None:
        """Free the disk of raw frames."""
        (Path(self.folder) / "reference.yuv").unlink(missing_ok=True)

    def to_dict(self) -> ClipFields:
        """For JSON."""
        return cast("ClipFields", asdict(self))

    @classmethod
    def from_dict(cls, values: ClipFields) -> Clip:
        """Of what ``to_dict`` gave."""
        clip = cls(**values)
        return replace(clip, notes=tuple(clip.notes))  # JSON has lists only

    @classmethod
    def stored(cls, folder: Path, name: str, source: str) -> Clip | None:
        """What an earlier run stored in that folder, as the clip of the name and source of today;
        None if there is nothing.
        """
        fields = read_json(folder / "clip.json", ClipFields)
        if fields is None:
            return None
        return replace(cls.from_dict(fields), name=name, source=source, folder=str(folder))


def as_frames(path: Path, clip: Clip) -> npt.NDArray[np.uint8]:
    """A file of raw frames of the clip's size, mapped: (frames, H * 3 / 2, W) uint8."""
    return np.memmap(path, np.uint8, "r").reshape(-1, clip.height * 3 // 2, clip.width)


def prepare(source: Path, folder: Path, max_frames: int | None = None) -> Clip:
    """Read a source and store its frames under ``folder``, or find what an earlier run stored.

    Raises ``InputError`` for what ``VideoSource`` refuses and for fewer than two frames.
    """
    with VideoSource(source, max_frames=max_frames) as opened:
        key = digest({"source": file_sha256(source), "max_frames": max_frames, "format": FORMAT})
        home = folder.resolve() / f"{_safe(source.stem)}-{key[:16]}"
        if (stored := Clip.stored(home, source.stem, str(source))) is not None:
            return stored
        if opened.is_still:
            raise InputError(
                f"{source} is a still picture: a ladder needs a clip of two frames or more"
            )
        return _store(opened, source, home, max_frames)


def _store(opened: VideoSource, source: Path, home: Path, max_frames: int | None) -> Clip:
    beside = home.with_name(f"{home.name}.part{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        colour = stored_as(opened.colour, opened.height)
        rate = Fraction(opened.frame_rate or 25).limit_denominator(100_000)
        width, height = opened.width - opened.width % 2, opened.height - opened.height % 2
        draft = Clip(
            source.stem,
            str(source),
            str(home),
            "",
            width,
            height,
            0,
            str(rate),
            colour.primaries,
            colour.transfer,
            colour.matrix,
            bool(colour.full_range),
            tuple(_notes(opened)),
        )
        if min(width, height) < SMALLEST_SIDE:
            raise InputError(
                f"{source} is {opened.width}x{opened.height}: a ladder needs {SMALLEST_SIDE} px a"
                " side or more"
            )
        hashed, count = hashlib.sha256(f"{rate} {width}x{height} {colour}".encode()), 0

        def counted() -> Iterator[av.VideoFrame]:
            nonlocal count
            for frame in _planar(opened, colour, width, height):
                hashed.update(frame.to_ndarray().tobytes())
                count += 1
                yield frame

        _write(beside / "1.mp4", draft, counted())
        if count < 2:
            limited = "--max-frames leaves" if max_frames == 1 else "it has"
            raise InputError(
                f"{source}: {limited} one frame only, and a ladder needs a clip of two frames or"
                " more"
            )
        clip = replace(draft, sha256=hashed.hexdigest(), frames=count)
        write_json(beside / "clip.json", clip.to_dict())
        if not home.exists():
            beside.rename(home)
        return clip
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _planar(
    opened: VideoSource, colour: ColourDescription, width: int, height: int
) -> Iterator[av.VideoFrame]:
    if _is_untouched(opened):
        yield from (untagged(frame) for frame in opened.pictures())
        return
    convert = YuvWriter(colour, "yuv420p")
    yield from (untagged(convert(frame.rgb[:height, :width])) for frame in opened)


def _is_untouched(opened: VideoSource) -> bool:
    return (
        opened.pixel_format in _AS_STORED
        and not opened.is_mirrored
        and opened.width % 2 == opened.height % 2 == 0
    )


def _notes(opened: VideoSource) -> Iterator[str]:
    if opened.width % 2 or opened.height % 2:
        yield f"{opened.width}x{opened.height}: the last row or column was left out, for 4:2:0"
    if not _is_untouched(opened):
        yield f"converted from {opened.pixel_format} to 8-bit 4:2:0 for all codecs alike"
    if opened.rotation:
        yield "rotation is left to the player"


def _write(path: Path, clip: Clip, frames: Iterator[av.VideoFrame]) -> None:
    """Lossless H.264 with the clip's colour tags."""
    beside, rate = path.with_name(f"{path.stem}.part{os.getpid()}.mp4"), Fraction(clip.rate)
    with av.open(str(beside), "w", format="mp4") as container:
        stream = None
        for index, frame in enumerate(frames):
            if stream is None:
                stream = container.add_stream(
                    "libx264", rate=rate, width=frame.width, height=frame.height, options=_LOSSLESS
                )
                stream.pix_fmt = "yuv420p"
                tag(stream.codec_context, clip)
            tag(frame, clip)
            frame.pts, frame.time_base = index, 1 / rate
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode())
    beside.replace(path)


def _even(side: float) -> int:
    return max(2, round(side / 2) * 2)


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)[:60]
