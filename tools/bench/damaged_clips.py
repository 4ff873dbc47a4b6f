"""Clips to damage: a moving pattern, or a part of a real clip, coded by this codec."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from videocodec import encode


def write_clip(path: Path, frames: int, width: int, height: int, *, sound: bool = False) -> Path:
    """A moving pattern with a change of scene in the middle, for want of any other; with sound if
    asked for.
    """
    rng = np.random.default_rng(3)
    scenes = [
        cv2.GaussianBlur(
            rng.standard_normal((height * 2, width * 2, 3)).astype(np.float32), (0, 0), 4
        )
        for _ in range(2)
    ]
    scenes = [np.clip(128 + 45 * scene / scene.std(), 0, 255).astype(np.uint8) for scene in scenes]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=25, width=width, height=height, pix_fmt="yuv420p"
        )
        stream.codec_context.options = {"crf": "8", "preset": "ultrafast"}
        tone = container.add_stream("aac", rate=48000) if sound else None
        for index in range(frames):
            y, x = index % height, 2 * index % width
            picture = np.ascontiguousarray(
                scenes[2 * index // frames][y : y + height, x : x + width], np.uint8
            )
            # Becomes BT.601 limited range, as FFmpeg takes an untagged picture of this size to be.
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
        if tone is not None:
            _add_noise(container, tone, frames * 1920 // 1024, rng)
    return path


def _add_noise(
    container: av.container.OutputContainer,
    stream: av.AudioStream,
    blocks: int,
    rng: np.random.Generator,
) -> None:
    """So many blocks of 1024 samples, at 48 kHz."""
    for index in range(blocks):
        block = av.AudioFrame.from_ndarray(
            rng.normal(0, 0.1, (2, 1024)).astype(np.float32), format="fltp", layout="stereo"
        )
        block.sample_rate, block.pts, block.time_base = 48000, index * 1024, Fraction(1, 48000)
        container.mux(stream.encode(block))
    container.mux(stream.encode())


def coded_clip(folder: Path, *, sound: bool = False, frames: int = 66, gop_size: int = 24) -> Path:
    """A latent-video file of 64×48, three groups of pictures or more, by the real encoder."""
    clip = write_clip(folder / "clip.mp4", frames, 64, 48, sound=sound)
    encode(
        clip,
        folder / "clip.lv.mp4",
        crf=34,
        preset="superfast",
        gop_size=gop_size,
        device="cpu",
        threads=1,
        model="embedded",
    )
    return folder / "clip.lv.mp4"


def scaled_clip(source: Path, folder: Path, width: int, height: int, frames: int) -> Path:
    """A part of a clip at another size, encoded by this codec."""
    small = folder / "small.mp4"
    with av.open(str(source)) as video, av.open(str(small), "w") as out:
        stream = out.add_stream(
            "libx264",
            rate=video.streams.video[0].average_rate,
            width=width,
            height=height,
            pix_fmt="yuv420p",
        )
        stream.codec_context.options = {"crf": "10", "preset": "veryfast"}
        for index, frame in enumerate(video.decode(video=0)):
            if index == frames:
                break
            # YUV to YUV: the matrix and range stay those of the clip (BT.601 or BT.709 limited, by
            # its tags).
            out.mux(stream.encode(frame.reformat(width, height, "yuv420p")))
        out.mux(stream.encode())
    encode(
        small,
        folder / "small.lv.mp4",
        crf=28,
        preset="ultrafast",
        device="cpu",
        threads=1,
        model="embedded",
    )
    return folder / "small.lv.mp4"
