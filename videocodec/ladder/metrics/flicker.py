"""Flicker: what changes from frame to frame in the decoded clip and not in its source."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from .base import Figure, Metric, Pair, Series, too_small

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..clips import Clip


class Flicker(Metric):
    """Mean absolute difference, in grey levels of luma, between a frame and the one before moved
    along the source's motion (DIS flow), less the source's own.  Below 0 the clip is steadier than
    its source: grain was lost, or it stands still.
    """

    name, place = "flicker", 7
    figures = (Figure("flicker", "Flicker", "grey levels", False, 3, perfect=0),)

    def missing(self, clip: Clip | None = None) -> str | None:
        from ...optical_flow import SMALLEST_SIDE

        return too_small(clip, SMALLEST_SIDE, "optical flow needs")

    def identity(self) -> dict[str, str]:
        import cv2

        return {"opencv": cv2.__version__, "numpy": version("numpy")}

    def measure(self, pair: Pair) -> Series:
        import cv2
        import numpy as np

        from ...optical_flow import DenseFlow

        height, dense_flow = pair.clip.height, DenseFlow(cv2.DISOPTICAL_FLOW_PRESET_FAST)
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


def _difference(
    before: npt.NDArray[np.uint8], now: npt.NDArray[np.uint8], flow: npt.NDArray[np.float32]
) -> float:
    """Mean absolute difference of two frames of luma (H, W), the first moved along ``flow``."""
    import numpy as np

    from ...optical_flow import warped

    moved = warped(np.ascontiguousarray(before), flow)
    return float(np.abs(moved.astype(np.float32) - now).mean())
