"""The committed stage of the second autoencoder."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import videocodec
from videocodec.networks.second.codec import SecondCodec
from videocodec.training.pictures import to_tensor

ROOT = Path(videocodec.__file__).parent
STAGE = ROOT / "training/second/weights/stage-11.safetensors"


@pytest.mark.parametrize(("step", "least"), [(0.6, 36.0), (2.0, 33.0)])
def test_it_codes_a_picture_with_the_activation_it_was_trained_with(
    step: float, least: float
) -> None:
    codec = SecondCodec()
    codec.load(STAGE)
    assert codec.shape.activation == "silu"
    picture = np.full((96, 128, 3), (90, 120, 60), np.uint8)
    cv2.circle(picture, (64, 48), 30, (200, 170, 150), -1, cv2.LINE_AA)
    picture = cv2.GaussianBlur(picture, (0, 0), 1.0)

    def psnr() -> float:
        with torch.no_grad():
            decoded, _ = codec(to_tensor([picture]), torch.tensor([step]))
        error = (decoded - to_tensor([picture])) * 127.5
        return float(10 * torch.log10(255**2 / error.square().mean()))

    own = psnr()
    codec.use_activation("relu")
    assert own > max(least, psnr() + 0.3)
