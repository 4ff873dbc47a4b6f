"""Frames against the pictures that they should have."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from videocodec.decoder.frame import Frame


def check(frames: Iterable[Frame], expected: list[np.ndarray]) -> None:
    """There are frames, and each has its picture, (3, H, W), to the bit."""
    count = 0
    for frame in frames:
        assert np.array_equal(frame.data, expected[frame.index]), frame.index
        count += 1
    assert count
