"""UNets refused where they cannot be fed, and denoisers loaded from a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from videocodec.errors import UnknownModelError
from videocodec.models.loading import load_denoiser
from videocodec.models.source import ModelSource
from videocodec.models.stock_denoiser import MotionDenoiser, StockDenoiser, check_unet

from ...stock_models import (
    PROMPT_WIDTH,
    conditioning,
    motion_adapter,
    save_pipeline,
    unet,
)
from .denoisers import denoiser, inputs_of, motion_denoiser, same


class TestRefusals:
    @pytest.mark.parametrize(
        ("config", "complaint"),
        [
            ({"num_class_embeds": 3}, "wants a class as input .num_class_embeds=3."),
            ({"class_embed_type": "timestep"}, "wants a class as input"),
            (
                {
                    "addition_embed_type": "text_time",
                    "addition_time_embed_dim": 4,
                    "projection_class_embeddings_input_dim": 16,
                },
                "wants sizes or pooled text as input .addition_embed_type='text_time'.",
            ),
            (
                {"encoder_hid_dim_type": "text_proj", "encoder_hid_dim": 8},
                "wants image or second text embeddings as input",
            ),
            ({"cross_attention_dim": (8, 16)}, "prompts of several widths"),
        ],
    )
    def test_a_unet_that_wants_what_there_is_not(self, config: dict, complaint: str) -> None:
        with pytest.raises(UnknownModelError, match=complaint) as error:
            check_unet(unet(4, **config), 4, Path("unet"))
        assert "\n" not in str(error.value) and str(error.value).startswith("unet: ")

    @pytest.mark.parametrize(("channels", "inputs"), [(16, None), (4, 8), (4, 10)])
    def test_a_unet_of_other_channels(self, channels: int, inputs: int | None) -> None:
        with pytest.raises(
            UnknownModelError,
            match=(
                r"does not fit the autoencoder's 4 latent channels: take a pair \(4 or, for"
                r" inpainting, 9 in, 4 out\)"
            ),
        ):
            check_unet(unet(channels, inputs), 4, Path("unet"))

    def test_what_fits_passes(self) -> None:
        for network in (unet(4), unet(4, 9), unet(4, cross_attention_dim=(8, 8))):
            check_unet(network, 4, Path("unet"))


class TestLoading:
    @staticmethod
    def bundle(folder: Path, restores: str, channels: int = 4) -> Path:
        save_pipeline(folder, channels, restores=restores)
        conditioning(channels).save(folder / "unet")
        return folder

    @pytest.mark.parametrize(
        ("restores", "kind"),
        [
            ("plain", StockDenoiser),
            ("inpainting", StockDenoiser),
            ("adapter", MotionDenoiser),
            ("motion", MotionDenoiser),
        ],
    )
    def test_the_folder_says_what_it_becomes(
        self, tmp_path: Path, restores: str, kind: type
    ) -> None:
        found = load_denoiser(self.bundle(tmp_path, restores), 4)
        assert type(found) is kind
        sample, timesteps, conditions = inputs_of(2)
        made = {"plain": denoiser, "inpainting": lambda: denoiser(4, 9)}.get(
            restores, motion_denoiser
        )()
        assert same(
            found.predict(sample, timesteps, conditions),
            made.predict(sample, timesteps, conditions),
        )

    def test_a_prompt_of_another_width_is_refused(self, tmp_path: Path) -> None:
        folder = self.bundle(tmp_path, "plain")
        replace(conditioning(4), prompt=torch.zeros(1, 5, PROMPT_WIDTH + 1)).save(folder / "unet")
        with pytest.raises(UnknownModelError, match="the conditioning belongs to another UNet"):
            load_denoiser(folder, 4)

    def test_a_missing_prompt_says_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(
            UnknownModelError,
            match=(
                "conditioning.safetensors: cannot be read .*: run videocodec models calibrate again"
            ),
        ) as error:
            load_denoiser(save_pipeline(tmp_path, restores="plain"), 4)
        assert "\n" not in str(error.value)

    def test_a_motion_adapter_of_another_shape_is_refused_in_one_line(self, tmp_path: Path) -> None:
        folder = self.bundle(tmp_path, "plain")
        motion_adapter(block_out_channels=(8, 16, 16)).save_pretrained(
            str(folder / "motion_adapter")
        )
        with pytest.raises(
            UnknownModelError, match="motion_adapter: does not fit the UNet"
        ) as error:
            load_denoiser(folder, 4)
        assert "\n" not in str(error.value)

    def test_a_motion_adapter_with_inputs_of_its_own_is_refused(self, tmp_path: Path) -> None:
        folder = self.bundle(tmp_path, "plain")
        motion_adapter(conv_in_channels=9).save_pretrained(str(folder / "motion_adapter"))
        with pytest.raises(UnknownModelError, match="PIA"):
            load_denoiser(folder, 4)

    def test_something_else_in_its_place_is_refused(self, tmp_path: Path) -> None:
        folder = self.bundle(tmp_path, "plain")
        unet(4).save_pretrained(str(folder / "motion_adapter"))
        with pytest.raises(UnknownModelError, match="'UNet2DConditionModel' is no MotionAdapter"):
            load_denoiser(folder, 4)

    def test_other_classes_are_no_unet(self, tmp_path: Path) -> None:
        from diffusers import UNet2DModel

        UNet2DModel(
            block_out_channels=(8,),
            down_block_types=("DownBlock2D",),
            up_block_types=("UpBlock2D",),
            norm_num_groups=4,
        ).save_pretrained(str(tmp_path / "unet"))
        with pytest.raises(
            UnknownModelError,
            match="'UNet2DModel' is no UNet that videocodec can restore latents with",
        ):
            load_denoiser(tmp_path, 4)

    def test_a_source_is_checked_as_a_bundle_is(self, tmp_path: Path) -> None:
        folder = save_pipeline(tmp_path, restores="plain")
        unet(16).save_pretrained(str(folder / "unet"))
        with pytest.raises(
            UnknownModelError, match="does not fit the autoencoder's 4 latent channels"
        ):
            ModelSource.find(folder).load_unet(4)
