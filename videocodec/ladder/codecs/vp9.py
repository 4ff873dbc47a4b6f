"""VP9 by libvpx."""

from __future__ import annotations

import shlex

from ..ffmpeg_program import ffmpeg, missing_program, program_version
from ..planes import read
from .base import Encoded, EncodeTask
from .pyav import PyAvCodec


class Vp9(PyAvCodec):
    """PyAV does not hand out the statistics of libvpx's first pass, so both passes, which it wants
    at constant quality too, are run by the ffmpeg program of the imageio-ffmpeg wheel; without that
    program PyAV encodes in one pass, and the result says so.
    """

    name, label, place, library = "vp9", "libvpx (VP9)", 4, "libvpx-vp9"
    presets, default_preset = ("0", "1", "2", "3", "4", "5"), "0"  # cpu-used at deadline good
    tuning = "PSNR: its default"
    crf_range, default_crfs = (0, 63), (30, 38, 45, 51, 56, 60, 63)

    def versions(self, model: str) -> dict[str, str]:
        return super().versions(model) | {
            "ffmpeg program": "none" if missing_program() else program_version()
        }

    def encode(self, task: EncodeTask) -> Encoded:
        options = {
            "deadline": "good",
            "cpu-used": task.preset,
            "auto-alt-ref": "1",
            "lag-in-frames": "25",
            "row-mt": "0",
        }
        options |= {"tile-columns": "0", "g": str(task.gop_size)}
        rate = 0 if task.mode == "crf" else round(task.value)
        if task.mode == "crf":
            options["crf"] = f"{task.value:g}"
        crf = task.value if task.mode == "crf" else None
        if (reason := missing_program()) is not None:
            self.run(task, options, task.target, rate)
            return Encoded(
                self.command(task, options, rate),
                passes=1,
                crf=crf,
                notes=[f"one pass only, not two: {reason}"],
            )
        words = self._words(task, options, rate)
        for number in (1, 2):
            output = (
                ["-an", "-f", "null", "-"]
                if number == 1
                else [*self._tags(task), "-f", "mp4", "-y", str(task.target)]
            )
            arguments = [*words, "-pass", str(number), "-passlogfile", "vp9", *output]
            ffmpeg(arguments, (frame.to_ndarray().tobytes() for frame in read(task.source)))
        return Encoded(shlex.join(["ffmpeg", *arguments]), passes=2, crf=crf)

    def _words(self, task: EncodeTask, options: dict[str, str], rate: int) -> list[str]:
        width, height = task.clip.size(task.scale)
        words = [
            "-f",
            "rawvideo",
            "-pix_fmt",
            "yuv420p",
            "-s",
            f"{width}x{height}",
            "-r",
            task.clip.rate,
            "-i",
            "pipe:0",
        ]
        words += ["-c:v", self.library, "-b:v", str(rate), "-threads", str(task.threads)]
        for name, value in options.items():
            words += [f"-{name}", value]
        return words

    @staticmethod
    def _tags(task: EncodeTask) -> list[str]:
        clip = task.clip
        words = {
            "-colorspace": clip.matrix,
            "-color_primaries": clip.primaries,
            "-color_trc": clip.transfer,
        }
        pairs = [word for name, value in words.items() for word in (name, str(value))]
        return [*pairs, "-color_range", "pc" if clip.full_range else "tv"]
