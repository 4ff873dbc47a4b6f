"""Flicker: what changes from frame to frame in the decoded clip and not in its source."""

from __future__ import annotations

from importlib.metadata import version

import cv2
import numpy as np

from ...optical_flow import SMALLEST_SIDE, DenseFlow, warped
from ..clips import Clip
from .base import Figure, Metric, Pair, Series

_FLOW_PRESET = cv2.DISOPTICAL_FLOW_PRESET_FAST


class Flicker(Metric):
    """Mean absolute difference, in grey levels of luma, between a frame and the one before moved
    along the source's motion (DIS flow), less the source's own.  Below 0 the clip is steadier than
    its source: grain was lost, or it stands still.
    """

    name, place = "flicker", 7
    figures = (Figure("flicker", "Flicker", "grey levels", False, 3),)

    def missing(self, clip: Clip | None = None) -> str | None:
        if clip is not None and min(clip.width, clip.height) < SMALLEST_SIDE:
            return (
                f"optical flow needs {SMALLEST_SIDE} px a side, and {clip.name} is"
                f" {clip.width}x{clip.height}"
            )
        return None

    def identity(self) -> dict[str, str]:
        return {"opencv": cv2.__version__, "numpy": version("numpy")}

    def measure(self, pair: Pair) -> Series:
        height, dense_flow = pair.clip.height, DenseFlow(_FLOW_PRESET)
        values: list[float | None] = [None]  # the first frame has none before it
        for index in range(1, len(pair.reference)):
            before, now = (
                np.ascontiguousarray(pair.reference[at, :height]) for at in (index - 1, index)
            )
            flow = dense_flow(now, before)
            of_source = _difference(before, now, flow)
            of_decoded = _difference(
                pair.distorted[index - 1, :height], pair.distorted[index, :height], flow
            )
            values.append(of_decoded - of_source)
        return {"flicker": values}


def _difference(before: np.ndarray, now: np.ndarray, flow: np.ndarray) -> float:
    moved = warped(np.ascontiguousarray(before), flow)
    return float(np.abs(moved.astype(np.float32) - now).mean())
