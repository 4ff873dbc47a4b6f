"""H.265 by x265."""

from __future__ import annotations

from .base import Encoded, EncodeTask
from .pyav import H26X_PRESETS, PyAvCodec


class X265(PyAvCodec):
    """Two passes for a bitrate; one frame thread, since more cost quality, and closed groups of
    pictures like the others.
    """

    name, label, place, library = "x265", "x265 (H.265)", 2, "libx265"
    presets, default_preset = H26X_PRESETS, "veryslow"
    tuning = "the eye: its defaults, psychovisual rate-distortion, no --tune"
    crf_range, default_crfs = (0, 51), (25, 30, 34, 38, 42, 46, 51)
    smallest_side = 32

    def encode(self, task: EncodeTask) -> Encoded:
        parameters = f"pools={task.threads}:frame-threads=1:open-gop=0:info=0:log-level=error"
        options = {"preset": task.preset, "g": str(task.gop_size)}
        if task.mode == "crf":
            options |= {"crf": f"{task.value:g}", "x265-params": parameters}
            self.run(task, options, task.target)
            return Encoded(self.command(task, options), passes=1, crf=task.value)
        rate = round(task.value)
        for number in (1, 2):
            of_pass = options | {
                "x265-params": f"pass={number}:stats=x265.log:slow-firstpass=1:{parameters}"
            }
            self.run(task, of_pass, task.target, rate)
        return Encoded(self.command(task, of_pass, rate), passes=2)
