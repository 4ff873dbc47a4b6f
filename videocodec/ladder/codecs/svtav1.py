"""AV1 by SVT-AV1."""

from __future__ import annotations

import math
from pathlib import Path

from ..search import CrfGrid, crf_for_rate
from .base import Encoded, EncodeTask
from .pyav import PyAvCodec

_QUICK = "8"  # preset of the first look at a bitrate


class SvtAv1(PyAvCodec):
    """Its two passes are not to be had through FFmpeg, in PyAV or elsewhere: for a bitrate the crf
    is searched, quickly first, then with the preset asked for, and the last encode is kept; that is
    constant quality, which serves it better than one pass at a bitrate. FFmpeg's own crf ends at 63
    and SVT-AV1's at 70, in quarters, so it goes in by its own parameters.
    """

    name, label, place, library = "svtav1", "SVT-AV1 (AV1)", 3, "libsvtav1"
    presets, default_preset = tuple("0123456789") + ("10", "11", "12", "13"), "1"
    tuning = "PSNR: its default, tune 1"
    crf_range, crf_step, default_crfs = (1, 70), 0.25, (30, 40, 50, 57, 61, 65, 70)
    smallest_side = 64

    def encode(self, task: EncodeTask) -> Encoded:
        if task.mode == "crf":
            return Encoded(
                self.command(task, self._run(task, task.preset, task.value, task.target)),
                passes=1,
                crf=task.value,
            )
        encodes = 0

        def bits_per_second(crf: float, preset: str) -> float:
            nonlocal encodes
            encodes += 1
            self._run(task, preset, crf, task.target)
            return sum(self.frame_bytes(task.target)) * 8 / task.clip.seconds

        grid = CrfGrid(*self.crf_range, self.crf_step)
        quick = crf_for_rate(
            lambda crf: bits_per_second(crf, _QUICK),
            task.value,
            grid,
            tolerance=0.05,
        )
        chosen = crf_for_rate(
            lambda crf: bits_per_second(crf, task.preset),
            task.value,
            grid,
            tolerance=0.02,
            start=quick.crf,
            slope=quick.slope,
            most=4,
        )
        options = self._options(task, task.preset, chosen.crf)
        if chosen.crf != chosen.last:
            encodes += 1
            self._run(task, task.preset, chosen.crf, task.target)
        note = (
            f"no two passes through FFmpeg: crf {chosen.crf:g} was searched for the bitrate, in"
            f" {encodes} encodes"
        )
        return Encoded(self.command(task, options), passes=encodes, crf=chosen.crf, notes=[note])

    def _run(self, task: EncodeTask, preset: str, crf: float, target: Path) -> dict[str, str]:
        options = self._options(task, preset, crf)
        self.run(task, options, target)
        return options

    def _options(self, task: EncodeTask, preset: str, crf: float) -> dict[str, str]:
        # AV1 says nothing of where its chroma samples lie, unless told; H.264 and H.265 mean "left"
        # when they say nothing.
        parameters = f"crf={math.floor(crf * 4) / 4:g}:lp={task.threads}"
        return {
            "preset": preset,
            "g": str(task.gop_size),
            "svtav1-params": parameters,
            "chroma_sample_location": "left",
        }
