"""tools/bench/upscaling.py: what is shrunk, enlarged in three ways, and compared."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("ssimulacra2")

from tools.bench.upscaling import WAYS, enlarged, figures, halved
from videocodec import encode
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.models.files import UPSCALER
from videocodec.models.upscaling import save_upscaler
from videocodec.networks.second.upscaling import UpscalerShape, UpscalingHead


def test_a_picture_is_cut_to_what_two_divides() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (31, 45, 3), dtype=np.uint8)
    cut, half = halved(picture)
    assert cut.shape == (30, 44, 3) and half.shape == (15, 22, 3)
    assert (cut == picture[:30, :44]).all()


def test_nearer_pictures_have_better_figures(
    texture: Callable[..., np.ndarray], lpips_weights: Path
) -> None:
    source = texture(192, 208, 0)
    noise = np.random.default_rng(0).normal(0, 1, source.shape)
    near, far = (
        figures(
            np.clip(source + size * noise, 0, 255).astype(np.uint8),
            source,
            LpipsSqueeze(lpips_weights),
        )
        for size in (4, 30)
    )
    assert near[0] > far[0] and near[1] > far[1] and near[2] < far[2] and near[3] > far[3]


def test_every_way_gives_all_frames_at_twice_the_size(
    panned: Callable[..., list[np.ndarray]], write_movie: Callable[..., Path], tmp_path: Path
) -> None:
    model = tmp_path / "second"
    shutil.copytree(ModelBundle.find("second").folder, model)
    shutil.rmtree(model / UPSCALER, ignore_errors=True)
    torch.manual_seed(0)
    head = UpscalingHead(UpscalerShape(width=8, blocks=1))
    torch.nn.init.normal_(head.head.weight, std=0.05)
    save_upscaler(head, model)
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
    assert (made["head"][0] != made["bicubic"][0]).any()
