"""Tracks that would stop the writing of a file are refused before the work, not after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitstream.errors import ContainerError
from videocodec import encode
from videocodec.encoder import api
from videocodec.progress import Progress


def test_sound_that_mp4_does_not_take_is_refused_before_the_first_frame(
    broken_sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[object] = []
    real = api.planned_chunks
    monkeypatch.setattr(api, "planned_chunks", lambda *given: began.append(given) or real(*given))
    told: list[Progress] = []
    with pytest.raises(ContainerError, match="movie.mkv: track 1 cannot be copied"):
        encode(
            broken_sound,
            tmp_path / "out.lv.mp4",
            device="cpu",
            strict=True,
            progress=told.append,
            model="embedded",
        )
    assert not began and not told and not list(tmp_path.iterdir())
    report = encode(
        broken_sound,
        tmp_path / "out.lv.mp4",
        preset="ultrafast",
        max_frames=2,
        device="cpu",
        model="embedded",
    )
    assert began and report.frames == 2
