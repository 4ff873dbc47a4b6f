"""One stream decoded from the start, and how to compare readers with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from videocodec import Frame, VideoReader, decode_frames

CPU = {"device": "cpu", "threads": 1}


def same(a: Frame, b: Frame) -> bool:
    """Whether two frames agree in everything."""
    names = ("pts_seconds", "duration_seconds", "kind", "bytes", "index", "pts", "duration")
    arrays = np.array_equal(a.data, b.data) and np.array_equal(a.provenance, b.provenance)
    return arrays and all(getattr(a, name) == getattr(b, name) for name in names)


@pytest.fixture(scope="session")
def sequential(coded_movie) -> list[Frame]:
    """All frames of ``coded_movie``, in order."""
    return list(decode_frames(coded_movie.coded, **CPU))


@pytest.fixture
def reader(coded_movie) -> VideoReader:
    """A reader of ``coded_movie``: 22 frames, keyframes 0, 10 and 20."""
    with VideoReader(coded_movie.coded, **CPU) as video:
        yield video


@pytest.fixture
def damaged(coded_movie, rewrite: Callable[..., Path]) -> Callable[..., Path]:
    """damaged(2, 5) → a copy of ``coded_movie`` with a bit flipped in the payload of these access
    units.
    """

    def make(*units: int) -> Path:
        return rewrite(
            coded_movie.coded,
            lambda index, data: (
                data[:-9] + bytes([data[-9] ^ 1]) + data[-8:] if index in units else data
            ),
        )

    return make
