"""VMAF, VMAF-NEG and MS-SSIM by libvmaf in the ffmpeg program."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..ffmpeg_program import ffmpeg, has_filter, missing_program, program_version
from .base import Figure, Metric, Pair, Series, too_small

if TYPE_CHECKING:
    from ..clips import Clip

_MODELS = {"vmaf": "vmaf_v0.6.1", "vmaf_neg": "vmaf_v0.6.1neg"}  # both are built into libvmaf
# Of a clip against itself VMAF says 97 or more, and less for its first frame, which has no motion.
_PERFECT, _LEEWAY, _TOLERANCE = 100.0, 6.0, 0.5
_MS_SSIM_SIDE = 176  # below that its fifth scale is smaller than its window


class LibvmafMetric(Metric):
    """A metric of libvmaf."""

    def missing(self, clip: Clip | None = None) -> str | None:
        if (reason := missing_program()) is not None:
            return reason
        return (
            None
            if has_filter("libvmaf")
            else f"the ffmpeg program {program_version()} was built without libvmaf"
        )

    def identity(self) -> dict[str, str]:
        return {"ffmpeg program": program_version()}

    def run(self, pair: Pair, model: str) -> list[dict[str, float]]:
        """libvmaf's figures of every frame; ``model`` are the options that say which."""
        clip = pair.clip
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "vmaf.json"
            arguments = []
            for file in (pair.distorted_file, pair.reference_file):
                arguments += [
                    "-f",
                    "rawvideo",
                    "-pix_fmt",
                    "yuv420p",
                    "-s",
                    f"{clip.width}x{clip.height}",
                    "-r",
                    clip.rate,
                    "-i",
                    str(file),
                ]
            graph = f"libvmaf={model}:n_threads=1:log_fmt=json:log_path={_escaped(log)}"
            ffmpeg([*arguments, "-lavfi", graph, "-f", "null", "-"])
            return [frame["metrics"] for frame in json.loads(log.read_text())["frames"]]


class Vmaf(LibvmafMetric):
    """Video Multi-Method Assessment Fusion, made for television at 1080 lines, and its variant
    without reward for enhancement.
    """

    name, place = "vmaf", 0
    figures = (
        Figure("vmaf", "VMAF", "", True, 2, _PERFECT, _LEEWAY, search_tolerance=_TOLERANCE),
        Figure("vmaf_neg", "VMAF-NEG", "", True, 2, _PERFECT, _LEEWAY, search_tolerance=_TOLERANCE),
    )

    def measure(self, pair: Pair) -> Series:
        models = "|".join(f"version={version}\\\\:name={name}" for name, version in _MODELS.items())
        rows = self.run(pair, f"model={models}")
        return {name: [row[name] for row in rows] for name in _MODELS}


class MsSsim(LibvmafMetric):
    """Structural similarity over five scales, of luma."""

    name, place = "ms_ssim", 6
    figures = (Figure("ms_ssim", "MS-SSIM Y", "", True, 4, perfect=1),)

    def missing(self, clip: Clip | None = None) -> str | None:
        return super().missing() or too_small(clip, _MS_SSIM_SIDE, "its five scales need")

    def measure(self, pair: Pair) -> Series:
        return {
            "ms_ssim": [
                row["float_ms_ssim"] for row in self.run(pair, "feature=name=float_ms_ssim")
            ]
        }


def _escaped(path: Path) -> str:
    """A path inside an option of a filter inside a graph."""
    text = path.as_posix()
    for letter in ("\\", "'", ":"):
        text = text.replace(letter, f"\\{letter}")
    return text.replace("\\", "\\\\")
