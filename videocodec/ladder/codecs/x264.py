"""H.264 by x264."""

from __future__ import annotations

from .base import Encoded, EncodeTask
from .pyav import H26X_PRESETS, PyAvCodec

_SEI = 6  # supplemental enhancement information


class X264(PyAvCodec):
    """Two passes for a bitrate.

    The message in which x264 lists its options, 700 bytes, is not counted as video.
    """

    name, label, place, library = "x264", "x264 (H.264)", 1, "libx264"
    presets, default_preset = H26X_PRESETS, "veryslow"
    tuning = "the eye: its defaults, psychovisual rate-distortion, no --tune"
    crf_range, default_crfs = (0, 51), (25, 30, 34, 38, 42, 46, 51)

    def encode(self, task: EncodeTask) -> Encoded:
        options = {"preset": task.preset, "g": str(task.gop_size)}
        if task.mode == "crf":
            options["crf"] = f"{task.value:g}"
            self.run(task, options, task.target)
            return Encoded(self.command(task, options), passes=1, crf=task.value)
        rate = round(task.value)
        for number in (1, 2):
            of_pass = options | {"x264-params": f"pass={number}:stats=x264.log"}
            self.run(task, of_pass, task.target, rate)
        return Encoded(self.command(task, of_pass, rate), passes=2)

    def sample_bytes(self, sample: bytes) -> int:
        counted = position = 0
        while position < len(sample):
            size = 4 + int.from_bytes(sample[position : position + 4], "big")
            counted += 0 if sample[position + 4] & 31 == _SEI else size
            position += size
        return counted
