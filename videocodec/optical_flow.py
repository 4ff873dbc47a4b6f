"""Dense optical flow by inverse search (Kroeger et al. 2016, OpenCV's DIS), and moving pictures
along it.  No torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

# On a picture that is wide and lower than this, DIS reads outside its pyramid and crashes.
SMALLEST_SIDE = 32  # px


class DenseFlow:
    """Flow between pictures of any size.

    preset: of DIS, 0 ultrafast, 1 fast, 2 medium.
    finest: down to single pixels, which takes about four times as long; otherwise what the preset
    has at half or a quarter of the size is enlarged.
    """

    def __init__(self, preset: int, *, finest: bool = False) -> None:
        self._dis = cv2.DISOpticalFlow.create(preset)
        if finest:
            self._dis.setFinestScale(0)

    def __call__(
        self, current: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8]
    ) -> npt.NDArray[np.float32]:
        """Where every pixel of ``current`` is in ``reference``, both (H, W) uint8 → (H, W, 2)
        float32 px as (dx, dy).
        """
        missing = [max(0, SMALLEST_SIDE - side) for side in current.shape]
        padded, padded_reference = (
            cv2.copyMakeBorder(p, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE)
            for p in (current, reference)
        )
        # OpenCV's stubs want an array to write to, which may be None.
        calc = cast("Callable[..., npt.NDArray[np.float32]]", self._dis.calc)
        flow = calc(padded, padded_reference, None)
        return flow[: current.shape[0], : current.shape[1]]


def warped(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """A picture (H, W) or (H, W, 3) as it looks when every pixel comes from where ``flow`` (H, W,
    2) float32 px as (dx, dy) says, with bilinear interpolation; edges go on outside.
    """
    height, width = flow.shape[:2]
    columns, rows = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    return cv2.remap(
        picture,
        columns + flow[..., 0],
        rows + flow[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
