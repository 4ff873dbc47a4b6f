"""The network for twice the size without PyTorch makes the same pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from videocodec.encoder.float_upscaler import FloatUpscaler
from videocodec.models.bundle import ModelBundle
from videocodec.models.files import UPSCALER
from videocodec.models.upscaling import Upscaling

FOLDER = ModelBundle.find("second").folder


@pytest.mark.parametrize(("height", "width"), [(24, 40), (75, 51), (3, 2)])
def test_pictures_are_pytorchs_within_rounding(height: int, width: int) -> None:
    rng = np.random.default_rng(height)
    decoded = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    steps = rng.uniform(0.3, 3, (-(-height // 16) * 2, -(-width // 16) * 2)).astype(np.float32)
    upscaler = FloatUpscaler.of(FOLDER)
    assert upscaler is not None
    made, expected = upscaler.picture(decoded, steps), Upscaling(FOLDER, "cpu", 1)
    wanted = expected.picture(decoded, steps)
    assert made.shape == (2 * height, 2 * width, 3) and made.dtype == np.uint8
    assert np.abs(made.astype(int) - wanted).max() <= 1


def test_what_it_does_not_know_is_left_to_others(tmp_path: Path) -> None:
    assert FloatUpscaler.of(tmp_path) is None
    shutil.copytree(FOLDER / UPSCALER, tmp_path / UPSCALER)
    assert FloatUpscaler.of(tmp_path) is not None
    config = tmp_path / UPSCALER / "config.json"
    known = json.loads(config.read_text())
    config.write_text(json.dumps(known | {"_class_name": "UNet2DModel"}))
    assert FloatUpscaler.of(tmp_path) is None
    config.write_text(json.dumps(known))
    (tmp_path / UPSCALER / "diffusion_pytorch_model.safetensors").write_bytes(b"no weights")
    assert FloatUpscaler.of(tmp_path) is None
