"""How a picture is to be turned for display: the display matrix of a frame as quarter turns and a
mirror.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import cast

import av
import numpy as np
from av.sidedata.sidedata import SideData


def orientation(frame: av.VideoFrame) -> tuple[int, bool]:
    """Degrees counter-clockwise as ``av.VideoFrame.rotation`` reports them, rounded to quarter
    turns (-180 … 180), and whether the pixels have to be mirrored left to right *before* that
    rotation.

    PyAV's own figure is wrong for a mirrored picture, so that case is computed here. Photos with
    EXIF data are the exception: PyAV 18.1 does not let their display matrix be read, and a mirror
    named there is overlooked.
    """
    matrix = _display_matrix(frame)
    if matrix is None:
        return _quarter_turns(frame.rotation), False
    a, b, c, d = (int(matrix[i]) for i in (0, 1, 3, 4))
    if a * d - b * c >= 0:
        return _quarter_turns(frame.rotation), False
    return _quarter_turns(math.degrees(math.atan2(b, -a))), True


def _quarter_turns(degrees: float) -> int:
    return 90 * round(degrees / 90)


def _display_matrix(frame: av.VideoFrame) -> np.ndarray | None:
    try:
        # PyAV's stubs take the container of side data for a mapping, which iterates over keys.
        for side_data in cast("Iterable[SideData]", frame.side_data):
            if side_data.type.name == "DISPLAYMATRIX":
                return np.frombuffer(bytes(side_data), dtype=np.int32)
    except ValueError:  # side data of a kind PyAV has no name for, such as EXIF
        return None
    return None
