"""How a picture is to be turned for display: the display matrix of a frame as quarter turns and a
mirror.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import SideDataContainer


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


def _display_matrix(frame: av.VideoFrame) -> npt.NDArray[np.int32] | None:
    data = side_data_of(frame, "DISPLAYMATRIX")
    return None if data is None else np.frombuffer(data, dtype=np.int32)


def side_data_of(frame: av.VideoFrame, name: str) -> bytes | None:
    """The side data of a frame that PyAV gives that name; None where there are none, and where
    there are any that PyAV has no name for, such as EXIF.
    """
    try:
        # ``frame.side_data`` is kept by the frame and keeps it: both would stay until Python looks
        # for such pairs, hundreds of pictures later.
        entries: Iterable[Any] = SideDataContainer(frame)  # type: ignore[call-arg]  # stubs
        for side_data in entries:
            if side_data.type.name == name:
                return bytes(side_data)
    except ValueError:
        return None
    return None
