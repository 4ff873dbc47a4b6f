"""Clips that benchmarks make on the spot: textured pictures panned under a moving object."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

WIDTH, HEIGHT, FPS = 512, 288, 25
CLOCK = 90_000  # ticks a second of clips with uneven timestamps


def make_clip(path: Path, seconds: int, width: int = WIDTH, height: int = HEIGHT) -> None:
    """Write a clip of moving texture, 25 frames per second."""
    texture = _texture(np.random.default_rng(0), 1024, range(2, 9), 3)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=FPS, options={"crf": "16", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, FPS)
        for i in range(seconds * FPS):
            angle = i / 60
            x, y = 250 + 200 * np.sin(angle), 300 + 200 * np.cos(angle * 0.7)
            picture = cv2.getRectSubPix(texture, (width, height), (x + 256, y))
            place = int(256 + 180 * np.cos(angle * 2)), int(144 + 80 * np.sin(angle * 3))
            cv2.circle(picture, place, 36, (40, 60, 200), -1)
            output.mux(stream.encode(_frame(picture)))
        output.mux(stream.encode(None))


def uneven_ticks(index: int, fps: Fraction) -> int:
    """When frame ``index`` of an uneven clip is shown, in ticks of 1/90000 s: up to a ninth of a
    frame late, so that no rule but the table gives it.
    """
    step = CLOCK / fps
    return round(index * step) + index * 7919 % 19 * int(step) // 171


def make_uneven_clip(path: Path, width: int, height: int, count: int, fps: Fraction) -> None:
    """Write a clip of ``count`` frames of moving texture, shown at ``uneven_ticks``."""
    side = 2 * max(width, height)
    texture = _texture(np.random.default_rng(7), side, range(2, 7), 1)
    with av.open(str(path), "w") as output:
        stream = output.add_stream(
            "libx264", rate=fps, options={"crf": "18", "preset": "ultrafast"}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, CLOCK)
        for index in range(count):
            angle = index / 40
            centre = side / 2 + side / 5 * np.array([np.sin(angle), np.cos(0.7 * angle)])
            picture = cv2.getRectSubPix(texture, (width, height), centre.tolist())
            place = (
                int(width * (0.5 + 0.35 * np.cos(2 * angle))),
                int(height * (0.5 + 0.3 * np.sin(3 * angle))),
            )
            cv2.circle(picture, place, height // 8, (40, 60, 200), -1)
            frame = _frame(picture)
            frame.pts, frame.time_base = uneven_ticks(index, fps), Fraction(1, CLOCK)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def _texture(rng: np.random.Generator, side: int, octaves: range, softness: int) -> np.ndarray:
    """(side, side, 3) uint8 with detail of all those sizes, the finest the fainter the smaller
    ``softness`` is.
    """
    layers = [
        cv2.resize(
            rng.uniform(0, 1, (2**i, 2**i, 3)).astype(np.float32),
            (side, side),
            interpolation=cv2.INTER_CUBIC,
        )
        for i in octaves
    ]
    texture = np.sum([layer / (softness + n) for n, layer in enumerate(layers)], axis=0)
    scaled = np.clip((texture - texture.min()) / np.ptp(texture) * 255, 0, 255)
    return np.asarray(scaled, np.uint8)


def _frame(picture: np.ndarray) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    return frame.reformat(format="yuv420p", dst_colorspace=5, dst_color_range=1)
