"""tools/bench/restoration.py: what it compares restorations with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from videocodec import encode
from videocodec.decoder.latents import LatentStream
from videocodec.media.source import VideoSource


@pytest.fixture(scope="module")
def bench(tool_module):
    return tool_module("bench.restorations")


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, [10, 20]), (0.25, [11, 22]), (1.0, [14, 28])]
)
def test_the_oracle_takes_its_share_of_the_error_off(
    bench, share: float, expected: list[int]
) -> None:
    source = np.stack([np.full((2, 4, 4), value, np.float32) for value in (0, 7, 14, 28)])
    window = [
        SimpleNamespace(
            index=i, latent=SimpleNamespace(latents=np.full((2, 4, 4), 10 * (i - 1), np.int16))
        )
        for i in (1, 2, 3)
    ]
    restored = bench.Oracle(source, share).restore(window, 1, 2)
    assert (restored.shape, restored.dtype) == ((2, 2, 4, 4), np.float32)
    assert restored[:, 0, 0, 0].tolist() == expected


def test_the_source_is_in_units_of_the_stream(
    bench, panned: Callable, write_movie: Callable, tmp_path: Path
) -> None:
    movie = write_movie(tmp_path / "pan.mp4", panned(3, 60, 70, (1, 2)))
    encode(movie, tmp_path / "pan.lv.mp4", crf=10, device="cpu", threads=1, model="embedded")
    stream = LatentStream(tmp_path / "pan.lv.mp4")
    with VideoSource(movie) as video:
        pictures = [frame.rgb for frame in video]
    source = bench.source_latents(stream, pictures, "cpu", 1)
    decoded = np.stack([frame.latent.latents for frame in stream.frames()])
    assert source.shape == decoded.shape
    error = np.abs(source - decoded).mean()
    assert error < 0.1 * np.abs(source).mean()
