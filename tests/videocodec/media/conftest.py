"""Small real clips, made on the spot with PyAV."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from bitstream.sequence_header import ColourDescription, SequenceHeader
from videocodec.media.sinks import open_sink
from videocodec.media.source import SourceFrame, VideoSource

PATCHES = (
    (200, 40, 60),
    (30, 180, 70),
    (50, 70, 210),
    (235, 220, 40),
    (128, 128, 128),
    (250, 250, 250),
    (8, 8, 8),
    (180, 90, 160),
)


def flat(width: int, height: int, colour: Sequence[int]) -> np.ndarray:
    """One colour everywhere, height × width × 3."""
    return np.broadcast_to(np.array(colour, dtype=np.uint8), (height, width, 3)).copy()


def picture(width: int, height: int, index: int = 0) -> np.ndarray:
    """A smooth picture that differs from frame to frame, height × width × 3."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 3 + index * 5, y * 4 + index * 3, 2 * (x + y) + index]
    return np.stack([128 + 100 * np.sin(plane / 60) for plane in planes], axis=-1).astype(np.uint8)


def add_silence(container: av.container.OutputContainer, seconds: float) -> Callable[[], None]:
    """Adds an AAC track; the function returned encodes and muxes a quiet noise of that length."""
    stream = container.add_stream("aac", rate=48000)

    def write() -> None:
        rng = np.random.default_rng(3)
        for index in range(int(seconds * 48000) // 1024):
            samples = (rng.standard_normal((2, 1024)) * 0.05).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = 48000, index * 1024, Fraction(1, 48000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())

    return write


@dataclass(frozen=True)
class Clip:
    """How a clip is written.

    size (w, h), count: of the pictures that are made where none are given.
    pts: ticks of every frame, None for one a frame.
    matrix, transfer, full_range: what the file says of its colours; convert_as: the matrix that
    they are really converted with.
    options: of the codec, None for none that loses anything.
    sound_seconds: of an AAC track, 0 for none.
    """

    size: tuple[int, int] = (64, 48)
    count: int = 5
    pts: Sequence[int] | None = None
    time_base: Fraction = Fraction(1, 25)
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    matrix: int = 2
    full_range: bool | None = None
    transfer: int = 2
    convert_as: int = 5
    options: dict[str, str] | None = None
    container_options: dict[str, str] | None = None
    rotation: int = 0
    mirrored: bool = False
    aspect: Fraction | None = None
    sound_seconds: float = 0

    def write(self, path: Path, frames: Sequence[np.ndarray] | None = None) -> None:
        """Write the frames, RGB or RGBA, or pictures made for it."""
        if frames is None:
            frames = [picture(*self.size, index) for index in range(self.count)]
        height, width = frames[0].shape[:2]
        with av.open(str(path), "w", options=self.container_options or {}) as container:
            stream = self._stream(container, width, height)
            write_sound = add_silence(container, self.sound_seconds) if self.sound_seconds else None
            for index, pixels in enumerate(frames):
                container.mux(stream.encode(self._frame(pixels, index)))
            container.mux(stream.encode())
            if write_sound:
                write_sound()

    def _stream(
        self, container: av.container.OutputContainer, width: int, height: int
    ) -> av.VideoStream:
        stream = container.add_stream(
            self.codec,
            rate=25,
            width=width,
            height=height,
            pix_fmt=self.pixel_format,
            time_base=self.time_base,
        )
        context = stream.codec_context
        context.time_base = self.time_base
        lossless = {"crf": "0", "preset": "ultrafast"} if self.codec == "libx264" else {}
        context.options = lossless if self.options is None else self.options
        context.colorspace, context.color_trc = self.matrix, self.transfer
        if self.full_range is not None:
            context.color_range = 2 if self.full_range else 1
        if self.aspect:
            context.sample_aspect_ratio = self.aspect
        if self.rotation or self.mirrored:
            stream.set_display_rotation(self.rotation, hflip=self.mirrored)
        return stream

    def _frame(self, pixels: np.ndarray, index: int) -> av.VideoFrame:
        frame = av.VideoFrame.from_ndarray(
            pixels, format="rgba" if pixels.shape[2] == 4 else "rgb24"
        )
        frame = frame.reformat(
            format=self.pixel_format,
            dst_colorspace=self.convert_as,
            src_color_range=2,
            dst_color_range=2 if self.full_range else 1,
        )
        frame.pts = index if self.pts is None else self.pts[index]
        frame.time_base = self.time_base
        return frame


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., Path]:
    """Writes a clip of RGB frames and returns its path; further arguments: of ``Clip``."""

    def make(
        name: str = "clip.mp4", frames: Sequence[np.ndarray] | None = None, **how: Any
    ) -> Path:
        Clip(**how).write(tmp_path / name, frames)
        return tmp_path / name

    return make


@pytest.fixture
def make_header() -> Callable[..., SequenceHeader]:
    """A sequence header; only what the sinks look at has to be given."""

    def make(width: int = 64, height: int = 48, **fields: object) -> SequenceHeader:
        settings: dict[str, object] = {
            "format_version": 1,
            "colour": ColourDescription(),
            "time_base": Fraction(1, 25),
            "frame_rate": Fraction(25),
            "latent_channels": 16,
            "crf": 28,
            "gop_size": 250,
            "preset": 5,
            "model_name": "test",
            "model_sha256": "0" * 64,
        }
        return SequenceHeader(width=width, height=height, **(settings | fields))

    return make


def read(path: Path, **arguments: object) -> tuple[VideoSource, list[SourceFrame]]:
    """A source that was read to its end and closed, and its frames."""
    with VideoSource(path, **arguments) as source:
        return source, list(source)


def write(target: str | Path, header, frames, pts=None, durations=None, **arguments) -> None:
    """Frames into a sink; without ``durations`` each lasts up to the next, and the last a tick."""
    pts = list(range(len(frames))) if pts is None else pts
    durations = (
        [later - earlier for earlier, later in itertools.pairwise(pts)] + [1]
        if durations is None
        else durations
    )
    with open_sink(str(target), header, **arguments) as sink:
        for frame, time, duration in zip(frames, pts, durations, strict=True):
            sink.write(frame, time, duration)
        sink.commit()
