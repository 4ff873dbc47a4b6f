"""tools.train.upscaler, the command: trains a head and puts it into a bundle."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tools.train import upscaler
from videocodec.models.bundle import ModelBundle
from videocodec.models.files import UPSCALER
from videocodec.models.upscaling import load_upscaler
from videocodec.training.second import pack
from videocodec.training.second.pack import Kind

WEIGHTS = Path(pack.__file__).parent / "weights"


def test_a_head_is_trained_and_put_into_a_bundle(
    texture: Callable[..., np.ndarray],
    lpips_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle, data = tmp_path / "second", tmp_path / "data.pack"
    shutil.copytree(ModelBundle.find("second").folder, bundle)
    shutil.rmtree(bundle / UPSCALER, ignore_errors=True)
    pictures = [cv2.GaussianBlur(texture(256, 256, seed), (0, 0), 1.5) for seed in range(2)]
    pack.write([pack.encoded(each, Kind.PHOTOGRAPH, 93) for each in pictures], data)
    words = {
        "data": data,
        "weights": next(iter(sorted(WEIGHTS.glob("stage-*.safetensors")))),
        "lpips": lpips_weights,
        "run": tmp_path / "run",
        "bundle": bundle,
        "steps": 1,
        "examples": 2,
        "batch": 2,
        "width": 8,
        "blocks": 1,
    }
    before = ModelBundle.find(bundle).sha256
    upscaler.main([str(word) for name, value in words.items() for word in (f"--{name}", value)])
    assert "has it as its upscaler" in capsys.readouterr().out
    assert load_upscaler(bundle).shape.width == 8
    assert ModelBundle.find(bundle).sha256 == before
    assert "| upscaler |" in (bundle / "README.md").read_text("utf-8")
