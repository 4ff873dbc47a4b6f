"""Calibration without its slow part."""

from __future__ import annotations

from pathlib import Path

import pytest

from videocodec.calibration import api


@pytest.fixture
def no_fitting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be fitted is stood in for by a file."""

    def fit(folder: Path, *of: object, **settings: object) -> None:
        (folder / "codec").mkdir()
        (folder / "codec" / "tables.safetensors").write_bytes(b"tables")

    monkeypatch.setattr(api, "fit_bundle", fit)
