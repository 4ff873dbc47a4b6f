"""Makes the clips of samples/ from pictures that scikit-image ships (public domain or CC0) and from
a rendered scene.

    python -m tools.pictures.samples [FOLDER]   # needs the extra: pip install -e ".[samples]"

Nothing is drawn at random without a fixed seed and x264 runs in one thread, so the same library
versions give the same files. Every frame is drawn at twice its size and reduced by area, which
keeps moving edges free of stair-steps.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from .balls import SAMPLE_RATE, music, rendered
from .drawing import OVERSAMPLING
from .photographs import cup_and_cat, portrait

BT709 = 1  # ITU-T H.273 code point of primaries, transfer and matrix alike
LIMITED_RANGE = 1  # FFmpeg's number for it


def write_clip(
    path: Path,
    frames: Iterator[np.ndarray],
    size: tuple[int, int],
    fps: int,
    crf: int,
    sound: np.ndarray | None = None,
) -> None:
    """Writes float32 RGB `frames` of OVERSAMPLING times `size` (w, h) as H.264 and `sound` (2,
    samples) as AAC into an MP4.
    """
    with av.open(
        str(path), "w", options={"movflags": "+faststart", "fflags": "+bitexact"}
    ) as container:
        video = container.add_stream(
            "libx264", rate=fps, options={"crf": str(crf), "preset": "slower", "threads": "1"}
        )
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        context = video.codec_context
        context.flags |= av.codec.context.Flags.bitexact
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = LIMITED_RANGE
        context.time_base = Fraction(1, fps)
        audio = (
            container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo", bit_rate=96000)
            if sound is not None
            else None
        )
        if audio is not None:
            audio.codec_context.flags |= av.codec.context.Flags.bitexact
            block = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(sound), format="fltp", layout="stereo"
            )
            block.sample_rate, block.pts, block.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
            audio_packets = audio.encode(block) + audio.encode(None)
        for number, picture in enumerate(frames):
            reduced = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            rgb = av.VideoFrame.from_ndarray(
                np.clip(reduced + 0.5, 0, 255).astype(np.uint8), format="rgb24"
            )
            frame = rgb.reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            container.mux(audio_packets)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("samples"))
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)

    def drawn(size: tuple[int, int]) -> tuple[int, int]:
        return size[0] * OVERSAMPLING, size[1] * OVERSAMPLING

    size = (512, 288)
    write_clip(folder / "portrait.mp4", portrait(drawn(size), 150), size, 25, 22)
    size = (480, 270)
    write_clip(folder / "cup-and-cat.mp4", cup_and_cat(drawn(size), 125), size, 25, 22)
    size = (384, 216)
    write_clip(folder / "balls.mp4", rendered(drawn(size), 180, 30), size, 30, 22, music(6.0))
    for path in sorted(folder.glob("*.mp4")):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
