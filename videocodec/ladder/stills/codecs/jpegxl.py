"""JPEG XL by the ffmpeg program, where it has it: PyAV and Pillow have not."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np

from ....errors import ProgramError
from ...ffmpeg_program import ffmpeg, has_encoder, missing_program, program_version
from .base import DecodedStill, StillCodec, StillTask

_EFFORT = 9  # the slowest


class JpegXlStill(StillCodec):
    """JPEG XL by libjxl, a bare codestream; FFmpeg lets its distance go up to 15, where libjxl
    itself ends at 25.
    """

    name, label, suffix = "jpegxl", "JPEG XL", ".jxl"
    setting_name = "distance"
    settings = tuple(distance / 4 for distance in range(60, 0, -1))
    counted = "all: the file is a bare codestream"

    def missing(self) -> str | None:
        if (reason := missing_program()) is not None:
            return reason
        return None if has_encoder("libjxl") else "the ffmpeg program has no libjxl"

    def versions(self, model: str) -> dict[str, str]:
        return {"ffmpeg": program_version(), "effort": f"{_EFFORT}"}

    def encode(self, task: StillTask) -> None:
        rgb = task.shrunk()
        size = f"{rgb.shape[1]}x{rgb.shape[0]}"
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-i", "pipe:0"]
        settings = ["-c:v", "libjxl", "-distance", f"{task.setting:g}", "-effort", f"{_EFFORT}"]
        target = ["-f", "image2", "-update", "1", str(task.target)]
        ffmpeg(["-y", *raw, *settings, *target], [rgb.tobytes()])

    def picture_bytes(self, path: Path) -> int:
        return path.stat().st_size

    def decode(self, path: Path, model: str, threads: int) -> DecodedStill:
        with tempfile.TemporaryDirectory() as folder:
            shown = Path(folder) / "picture.png"
            source = ["-f", "jpegxl_pipe", "-i", str(path)]
            ffmpeg(["-y", *source, "-pix_fmt", "rgb24", "-update", "1", str(shown)])
            bgr = cv2.imread(str(shown))
        if bgr is None:
            raise ProgramError(f"{path}: the ffmpeg program gave no picture")
        return DecodedStill(np.ascontiguousarray(np.asarray(bgr, np.uint8)[..., ::-1]))
