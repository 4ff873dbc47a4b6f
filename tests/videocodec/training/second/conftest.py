"""A small pack, and a run of networks of a few features on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from videocodec.networks.second.autoencoder import SecondShape
from videocodec.training.loop import Interval
from videocodec.training.second import pack
from videocodec.training.second.losses import SecondWeights
from videocodec.training.second.pack import Kind
from videocodec.training.second.recipe import SecondTraining


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory, texture: Callable[..., np.ndarray]) -> Path:
    """Two photographs and four frames, and one of each held out."""
    kinds = [Kind.PHOTOGRAPH] * 2 + [Kind.FRAME] * 4
    kinds += [Kind.HELD_OUT_PHOTOGRAPH, Kind.HELD_OUT_FRAME]
    entries = [
        pack.encoded(cv2.GaussianBlur(texture(192, 208, seed), (0, 0), 1.5), kind, 93)
        for seed, kind in enumerate(kinds)
    ]
    file = tmp_path_factory.mktemp("pack") / "data.pack"
    pack.write(entries, file)
    return file


@pytest.fixture
def asked(lpips_weights: Path, tmp_path: Path) -> SecondTraining:
    """Of one crop of 64 px a step, looked at first and last."""
    return SecondTraining(
        lpips=lpips_weights,
        folder=tmp_path / "run",
        batch=1,
        crop=64,
        weights=SecondWeights(generation=0.0),
        shape=SecondShape(8, 8, 8, 8, 1, 8, 1),
        look=Interval(),
        panel_steps=(1.0, 4.0),
    )
