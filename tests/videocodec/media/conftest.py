"""Small real clips, made on the spot with PyAV."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

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


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., Path]:
    """Writes a clip of RGB frames and returns its path.

    Without losses unless another codec is asked for.
    """

    def make(
        name: str = "clip.mp4",
        frames: Sequence[np.ndarray] | None = None,
        *,
        size: tuple[int, int] = (64, 48),
        count: int = 5,
        pts: Sequence[int] | None = None,
        time_base: Fraction = Fraction(1, 25),
        codec: str = "libx264",
        pixel_format: str = "yuv420p",
        matrix: int = 2,
        full_range: bool | None = None,
        transfer: int = 2,
        convert_as: int = 5,
        options: dict[str, str] | None = None,
        container_options: dict[str, str] | None = None,
        rotation: int = 0,
        mirrored: bool = False,
        aspect: Fraction | None = None,
        sound_seconds: float = 0,
    ) -> Path:
        frames = [picture(*size, index) for index in range(count)] if frames is None else frames
        height, width = frames[0].shape[:2]
        path = tmp_path / name
        with av.open(str(path), "w", options=container_options or {}) as container:
            stream = container.add_stream(
                codec,
                rate=25,
                width=width,
                height=height,
                pix_fmt=pixel_format,
                time_base=time_base,
            )
            context = stream.codec_context
            context.time_base = time_base
            if options is None and codec == "libx264":
                options = {"crf": "0", "preset": "ultrafast"}
            context.options = options or {}
            context.colorspace, context.color_trc = matrix, transfer
            if full_range is not None:
                context.color_range = 2 if full_range else 1
            if aspect:
                context.sample_aspect_ratio = aspect
            if rotation or mirrored:
                stream.set_display_rotation(rotation, hflip=mirrored)
            write_sound = add_silence(container, sound_seconds) if sound_seconds else None
            for index, rgb in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(
                    rgb, format="rgba" if rgb.shape[2] == 4 else "rgb24"
                )
                frame = frame.reformat(
                    format=pixel_format,
                    dst_colorspace=convert_as,
                    src_color_range=2,
                    dst_color_range=2 if full_range else 1,
                )
                frame.pts = index if pts is None else pts[index]
                frame.time_base = time_base
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
            if write_sound:
                write_sound()
        return path

    return make


@pytest.fixture
def make_header() -> Callable[..., SequenceHeader]:
    """A sequence header; only what the sinks look at has to be given."""

    def make(width: int = 64, height: int = 48, **fields: object) -> SequenceHeader:
        settings: dict[str, object] = {
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
