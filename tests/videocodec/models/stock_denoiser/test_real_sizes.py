"""UNets of the published sizes as denoisers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from diffusers import UNetMotionModel

from videocodec.models.denoiser import Conditions
from videocodec.models.stock_denoiser import MotionDenoiser, StockDenoiser, check_unet

from ...stock_models import (
    conditioning,
)


class TestRealSizes:
    """Shapes alone, on a device without memory: the configurations that the published models
    have.
    """

    COMMON: ClassVar = {
        "block_out_channels": (320, 640, 1280, 1280),
        "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        "layers_per_block": 2,
    }
    V1: ClassVar = {**COMMON, "attention_head_dim": 8, "cross_attention_dim": 768}
    V2: ClassVar = {
        **COMMON,
        "attention_head_dim": (5, 10, 20, 20),
        "cross_attention_dim": 1024,
        "use_linear_projection": True,
    }

    @pytest.mark.parametrize(
        "config",
        [V1, {**V1, "in_channels": 9}, V2, {**V2, "in_channels": 9}],
        ids=["1.5", "1.5 inpainting", "2.1", "2 inpainting"],
    )
    @pytest.mark.parametrize("animated", [False, True])
    def test_they_run(self, config: dict, animated: bool) -> None:
        from diffusers import MotionAdapter, UNet2DConditionModel

        with torch.device("meta"):
            network = UNet2DConditionModel(**config)
            check_unet(network, 4, Path("unet"))
            known = replace(
                conditioning(4),
                prompt=torch.zeros(1, 77, config["cross_attention_dim"]),
                grey=torch.zeros(4),
            )
            alphas = torch.zeros(1000)
            if animated:
                network = UNetMotionModel.from_unet2d(network, MotionAdapter(), load_weights=False)
            model = (MotionDenoiser if animated else StockDenoiser)(network, known, alphas)
            sample, masks = torch.zeros(2, 4, 36, 63), torch.zeros(2, 36, 63)
            found = model.predict(
                sample,
                torch.zeros(2, dtype=torch.int64),
                Conditions(sample, sample, masks, masks, sample, sample),
            )
        assert found.shape == sample.shape
