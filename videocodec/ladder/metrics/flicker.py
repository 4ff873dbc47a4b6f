"""Flicker: what changes from frame to frame in the decoded clip and not in its source."""

from __future__ import annotations

from importlib.metadata import version

import cv2
import numpy as np

from ..clips import Clip
from .base import Figure, Metric, Pair, Series

_FLOW_PRESET = cv2.DISOPTICAL_FLOW_PRESET_FAST
_SMALLEST_SIDE = 32  # px, of DIS


class Flicker(Metric):
    """Mean absolute difference, in grey levels of luma, between a frame and the one before moved
    along the source's motion (DIS flow), less the source's own.  Below 0 the clip is steadier than
    its source: grain was lost, or it stands still.
    """

    name, place = "flicker", 7
    figures = (Figure("flicker", "Flicker", "grey levels", False, 3),)

    def missing(self, clip: Clip | None = None) -> str | None:
        if clip is not None and min(clip.width, clip.height) < _SMALLEST_SIDE:
            return (
                f"optical flow needs {_SMALLEST_SIDE} px a side, and {clip.name} is"
                f" {clip.width}x{clip.height}"
            )
        return None

    def identity(self) -> dict[str, str]:
        return {"opencv": cv2.__version__, "numpy": version("numpy")}

    def measure(self, pair: Pair) -> Series:
        height, width = pair.clip.height, pair.clip.width
        flow = cv2.DISOpticalFlow_create(_FLOW_PRESET)
        here = np.stack(
            np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)), -1
        )
        values: list[float | None] = [None]  # the first frame has none before it
        for index in range(1, len(pair.reference)):
            before, now = (
                np.ascontiguousarray(pair.reference[at, :height]) for at in (index - 1, index)
            )
            grid = here + flow.calc(now, before, None)
            own = _difference(before, now, grid)
            values.append(
                _difference(
                    pair.distorted[index - 1, :height], pair.distorted[index, :height], grid
                )
                - own
            )
        return {"flicker": values}


def _difference(before: np.ndarray, now: np.ndarray, grid: np.ndarray) -> float:
    moved = cv2.remap(
        np.ascontiguousarray(before), grid, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return float(np.abs(moved.astype(np.float32) - now).mean())
