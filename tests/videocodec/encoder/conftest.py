"""A short video to encode, and workers without processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from .pool_here import PoolHere


@pytest.fixture
def movie(
    tmp_path: Path, write_movie: Callable[..., Path], panned: Callable[..., list[np.ndarray]]
) -> Path:
    """12 frames of 48×32."""
    return write_movie(tmp_path / "movie.mp4", panned(12, 32, 48, (0, 1)))


@pytest.fixture
def pool_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """``jobs`` without processes; ``test_workers`` and ``test_resuming`` have those."""
    monkeypatch.setattr("videocodec.encoder.workers.WorkerPool", PoolHere)
