"""Which frames an index means: a number, a slice, a list or an array of numbers, a mask."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import SupportsIndex

import numpy as np

from ..errors import FrameRangeError


def frame_number(index: SupportsIndex, count: int, name: str) -> int:
    """An index, from the end if negative, as a number 0..count - 1 of a file of that name.

    Raises ``FrameRangeError``, and ``TypeError`` for what is no whole number.
    """
    try:
        number = operator.index(index)
    except TypeError:
        raise TypeError(
            f"a frame's number must be a whole number, got {index!r}: get_frame_at and"
            " get_frames_played_at take seconds"
        ) from None
    if not -count <= number < count:
        raise FrameRangeError(
            f"{name}: there is no frame {number}: it has {count} frames, 0 to {count - 1}"
        )
    return number % count


def frame_numbers(index: slice | Iterable[SupportsIndex], count: int, name: str) -> list[int]:
    """What a slice, a list, an array (n,) or a tensor (n,) of numbers means, or an array or a
    tensor (count,) of truth values.

    Raises as ``frame_number``, and ``ValueError`` for another shape.
    """
    if isinstance(index, slice):
        return list(range(count)[index])
    if hasattr(index, "dtype"):
        array = np.asarray(index.cpu() if hasattr(index, "cpu") else index)
        if array.dtype == np.bool_ and array.shape != (count,):
            raise ValueError(
                f"{name}: a mask must have shape ({count},), one for each frame, got shape"
                f" {array.shape}"
            )
        if array.ndim != 1:
            raise ValueError(f"{name}: frame numbers must have shape (n,), got shape {array.shape}")
        index = np.flatnonzero(array) if array.dtype == np.bool_ else array
    return [frame_number(number, count, name) for number in index]
