"""Tiny random models of the classes that Stable Diffusion and its kin are made of, saved in
diffusers' layout.

There are no trained weights of them here.  Their latents have about unit variance in the UNet's
units, as those of trained ones have.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DDIMScheduler,
    DDPMScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    MotionAdapter,
    PNDMScheduler,
    UNet2DConditionModel,
    UNetMotionModel,
    VQModel,
)
from safetensors.numpy import load_file, save_file

from bitstream.v1.quantiser import QUANTISER_COUNT
from videocodec.models.bundle import BUNDLES, TABLES_FILE
from videocodec.models.source import ModelSource
from videocodec.models.stock_denoiser import Conditioning
from videocodec.models.temporal_unet import TemporalUNet

SCHEDULERS = {
    kind.__name__: kind
    for kind in (
        DDIMScheduler,
        DDPMScheduler,
        EulerDiscreteScheduler,
        FlowMatchEulerDiscreteScheduler,
        PNDMScheduler,
    )
}
STABLE_DIFFUSION = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
PROMPT_WIDTH = 8
WEIGHTS = "diffusion_pytorch_model.safetensors"
_WIDTHS = (8, 16)


def kl_autoencoder(channels: int, levels: int = 4, **config: object) -> AutoencoderKL:
    """A variational autoencoder, 2 ** (levels - 1) px per latent."""
    torch.manual_seed(channels)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=(8,) * levels,
        norm_num_groups=4,
        latent_channels=channels,
        **{"scaling_factor": 3.5, **config},
    )


def tiny_autoencoder(channels: int) -> AutoencoderTiny:
    """TAESD's class."""
    torch.manual_seed(channels)
    widths, blocks = (8, 8, 8, 8), (1, 1, 1, 1)
    return AutoencoderTiny(
        latent_channels=channels,
        encoder_block_out_channels=widths,
        decoder_block_out_channels=widths,
        num_encoder_blocks=blocks,
        num_decoder_blocks=blocks,
    )


def codebook_autoencoder(channels: int, entries: int = 32, levels: int = 4) -> VQModel:
    """A quantised one, with a wider layer behind its latents; the decoder snaps these to the
    nearest of ``entries`` vectors, which lie as far apart as latents do.
    """
    torch.manual_seed(channels)
    model = VQModel(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=(8,) * levels,
        norm_num_groups=4,
        latent_channels=channels + 1,
        vq_embed_dim=channels,
        num_vq_embeddings=entries,
    )
    torch.nn.init.normal_(model.quantize.embedding.weight, 0, 0.3)
    return model


def unet(channels: int, inputs: int | None = None, **config: object) -> UNet2DConditionModel:
    """Stable Diffusion's UNet with two levels; ``inputs`` other than ``channels`` for the
    inpainting variant.
    """
    torch.manual_seed(1)
    return UNet2DConditionModel(
        in_channels=inputs or channels,
        out_channels=channels,
        block_out_channels=_WIDTHS,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=2,
        **{"cross_attention_dim": PROMPT_WIDTH, **config},
    )


def motion_adapter(frames: int = 6, **config: object) -> MotionAdapter:
    """AnimateDiff's motion modules for ``unet``, for clips of so many frames."""
    torch.manual_seed(2)
    adapter = MotionAdapter(
        **{"block_out_channels": _WIDTHS, **config},
        motion_layers_per_block=1,
        motion_num_attention_heads=2,
        motion_norm_num_groups=4,
        motion_max_seq_length=frames,
    )
    for name, weights in adapter.named_parameters():
        if "proj_out" in name:  # which starts at zero
            torch.nn.init.normal_(weights, 0, 0.3)
    return adapter


AUTOENCODERS = {"kl": kl_autoencoder, "tiny": tiny_autoencoder, "codebook": codebook_autoencoder}


def save_pipeline(
    folder: Path,
    channels: int = 4,
    *,
    vae: str = "kl",
    restores: str = "",
    scheduler: str = "PNDMScheduler",
    prediction_type: str = "epsilon",
) -> Path:
    """A pipeline in diffusers' layout → its folder.

    vae: kl, tiny or codebook.  restores: "" for an autoencoder alone, else plain, inpainting,
    adapter (a UNet with a motion adapter) or motion (a ``UNetMotionModel`` that was saved whole).
    """
    AUTOENCODERS[vae](channels).save_pretrained(str(folder / "vae"))
    if restores:
        network = unet(channels, 2 * channels + 1 if restores == "inpainting" else None)
        if restores == "motion":
            network = UNetMotionModel.from_unet2d(network, motion_adapter())
        network.save_pretrained(str(folder / "unet"))
        config = (
            {}
            if scheduler.startswith("FlowMatch")
            else {**STABLE_DIFFUSION, "prediction_type": prediction_type}
        )
        SCHEDULERS[scheduler](**config).save_pretrained(str(folder / "scheduler"))
    if restores == "adapter":
        motion_adapter().save_pretrained(str(folder / "motion_adapter"))
    (folder / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    return folder


def conditioning(channels: int, seed: int = 3) -> Conditioning:
    """A prompt and a grey of random numbers."""
    generator = torch.Generator().manual_seed(seed)
    return Conditioning(
        torch.randn(1, 5, PROMPT_WIDTH, generator=generator),
        torch.randn(channels, generator=generator),
    )


def quick_bundle(folder: Path, timestep: int = 300, **pipeline: object) -> Path:
    """A bundle with 16 latent channels that nothing was fitted for: the embedded model's tables,
    and one timestep everywhere.
    """
    origin = ModelSource.find(
        save_pipeline(folder.with_name(f"{folder.name} pipeline"), 16, **pipeline)
    )
    origin.install(folder, origin.load_autoencoder())
    if origin.has_unet:
        conditioning(16).save(folder / "unet")
    tables = load_file(str(BUNDLES / "embedded" / TABLES_FILE))
    tables["latent_scale"] = np.full(16, 5, np.float32)
    tables["timesteps"] = np.full(QUANTISER_COUNT, timestep, np.int32)
    (folder / "codec").mkdir()
    save_file(tables, str(folder / TABLES_FILE))
    return folder


def temporal_bundle(folder: Path, *, trained: bool = True, deviation: float = 2.0) -> Path:
    """The embedded autoencoder and tables with a small temporal UNet: one of random weights, or as
    it starts, which changes nothing; deviation: what it takes for that of the latents.
    """
    shutil.copytree(
        BUNDLES / "embedded", folder, ignore=shutil.ignore_patterns("unet", "scheduler")
    )
    torch.manual_seed(3)
    unet = TemporalUNet(block_out_channels=(8, 8), down_blocks=(1, 1), up_blocks=(1,))
    if trained:
        torch.nn.init.normal_(unet.conv_out.weight, 0, 0.3)
    unet.save_pretrained(str(folder / "unet"))
    DDIMScheduler(**STABLE_DIFFUSION, clip_sample=False, prediction_type="sample").save_pretrained(
        str(folder / "scheduler")
    )
    config = json.loads((folder / "vae" / "config.json").read_text())
    (folder / "vae" / "config.json").write_text(
        json.dumps(config | {"scaling_factor": 1 / deviation})
    )
    return folder
