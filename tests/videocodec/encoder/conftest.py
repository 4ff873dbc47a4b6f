"""A short video to encode."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def movie(
    tmp_path: Path, write_movie: Callable[..., Path], panned: Callable[..., list[np.ndarray]]
) -> Path:
    """12 frames of 48×32."""
    return write_movie(tmp_path / "movie.mp4", panned(12, 32, 48, (0, 1)))
