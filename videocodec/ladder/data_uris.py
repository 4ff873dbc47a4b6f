"""Pictures inside pages: as WebP in data URIs, at the best quality at which all fit."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import numpy.typing as npt

LOSSLESS = 101  # OpenCV's quality of WebP above which it is lossless
QUALITIES = (LOSSLESS, 95, 90, 80, 60)
PICTURE_BUDGET = 24 << 20  # bytes of all pictures of a page together, as they stand in the file


def data_uri(bgr: npt.NDArray[np.uint8], quality: int) -> str:
    """A picture (H, W, 3) uint8, blue first."""
    _, data = cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, quality])
    return f"data:image/webp;base64,{base64.b64encode(data.tobytes()).decode()}"
