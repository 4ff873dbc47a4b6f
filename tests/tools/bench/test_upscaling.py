"""tools/bench/upscaling.py: what is coded small, enlarged in three ways, and compared."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("ssimulacra2")

from tools.bench.upscaling import WAYS, Rung, enlarged, gains
from videocodec import encode
from videocodec.ladder.metrics import Figure
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.models.files import UPSCALER
from videocodec.models.upscaling import save_upscaler
from videocodec.networks.upscaling import PictureUpscaler, UpscalerShape

FIGURES = [
    Figure("good", "Good", "", higher_is_better=True, decimals=1, perfect=100),
    Figure("bad", "Bad", "", higher_is_better=False, decimals=1, perfect=0),
]


def test_fewer_bytes_for_the_same_quality_are_a_gain_in_every_direction() -> None:
    rungs = {
        way: [Rung(rate, {"good": share * rate, "bad": -share * rate}) for rate in (10, 20, 30, 40)]
        for way, share in (("network", 1.25), ("bicubic", 1.0), ("Lanczos", 1.5))
    }
    against = {other: gains(rungs, other, FIGURES) for other in WAYS[:2]}
    assert list(against["bicubic"]) == ["good", "bad", "panel"]
    for value in against["bicubic"].values():
        assert value == pytest.approx(-20, abs=0.5)
    assert all(value == pytest.approx(20, abs=0.5) for value in against["Lanczos"].values())


def test_what_has_nothing_in_common_has_no_gain() -> None:
    rungs = {
        way: [Rung(rate, {"good": level + rate, "bad": rate}) for rate in (1, 2, 3)]
        for way, level in (("network", 100), ("bicubic", 0), ("Lanczos", 0))
    }
    found = gains(rungs, "bicubic", FIGURES)
    assert found["good"] is None and found["panel"] is None


def test_every_way_gives_all_frames_at_twice_the_size(
    panned: Callable[..., list[np.ndarray]], write_movie: Callable[..., Path], tmp_path: Path
) -> None:
    model = tmp_path / "second"
    shutil.copytree(ModelBundle.find("second").folder, model)
    shutil.rmtree(model / UPSCALER, ignore_errors=True)
    torch.manual_seed(0)
    network = PictureUpscaler(UpscalerShape(width=8, blocks=1))
    torch.nn.init.normal_(network.head.weight, std=0.05)
    save_upscaler(network, model)
    movie = write_movie(tmp_path / "clip.mp4", panned(2, 40, 56, (0, 1)))
    coded = tmp_path / "clip.lv.mp4"
    encode(movie, coded, crf=30, preset="ultrafast", model=model, device="cpu", threads=1)
    made = enlarged(coded, model, (112, 80))
    assert tuple(made) == WAYS
    with VideoSource(movie) as source:
        means = [frame.rgb.mean() for frame in source]
    for pictures in made.values():
        assert [picture.shape for picture in pictures] == [(80, 112, 3)] * 2
    for way in WAYS[:2]:
        for picture, mean in zip(made[way], means, strict=True):
            assert abs(picture.mean() - mean) < 4
    assert (made["network"][0] != made["bicubic"][0]).any()
