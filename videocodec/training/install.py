"""Putting what was trained into a model bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from diffusers import DDIMScheduler
from safetensors.torch import load_file, save_file

from ..models.bundle import ModelBundle
from ..models.latent_autoencoder import LatentAutoencoder
from ..models.loading import load_network
from ..models.temporal_unet import TemporalUNet
from .restoration import DECODER_FILE, latent_deviation

_AUTOENCODER = "vae/diffusion_pytorch_model.safetensors"


def install_autoencoder(weights: Path, bundle: Path) -> None:
    """Put the output of ``train_autoencoder`` into a bundle's ``vae/`` and ``codec/`` folders, the
    shape read off the weights.
    """
    state = load_file(str(weights / "autoencoder.safetensors"))
    expand = state["decoder.wide.0.expand.weight"]
    model = LatentAutoencoder(
        latent_channels=state["encoder.linear.weight"].shape[0],
        width=state["decoder.head.weight"].shape[1],
        coarse_width=state["decoder.stem.weight"].shape[0],
        encoder_blocks=_blocks(state, "encoder.coarse"),
        encoder_wide_blocks=_blocks(state, "encoder.wide"),
        decoder_blocks=_blocks(state, "decoder.coarse"),
        decoder_fine_blocks=_blocks(state, "decoder.fine"),
        decoder_wide_blocks=_blocks(state, "decoder.wide"),
        expansion=expand.shape[0] // expand.shape[1],
    )
    model.load_state_dict({name: value.float() for name, value in state.items()})
    model.half().save_pretrained(str(bundle / "vae"))
    (bundle / "codec").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(weights / "rate_model.safetensors", bundle / "codec" / "rate_model.safetensors")
    index = {"_class_name": "VideoCodecBundle", "vae": ["videocodec", "LatentAutoencoder"]}
    (bundle / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def install_restoration(weights: Path, folder: Path) -> str:
    """Put the output of ``train_restoration`` into a bundle's folder → its new SHA-256.

    Writes ``unet/``, ``scheduler/``, the autoencoder's ``scaling_factor`` (the UNet works on
    latents of unit variance), its decoder if that was trained along, and ``model_index.json``.
    """
    bundle = ModelBundle.find(folder)
    model = load_network(weights / "unet", TemporalUNet)
    schedule = {
        name: model.config[name]
        for name in ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule")
    }
    scheduler = DDIMScheduler(**schedule, prediction_type="sample", clip_sample=False)
    decoder, autoencoder = weights / DECODER_FILE, folder / _AUTOENCODER
    if decoder.is_file():
        merged = load_file(str(autoencoder)) | load_file(str(decoder))
        save_file(merged, str(autoencoder), {"format": "pt"})
    shutil.rmtree(folder / "unet", ignore_errors=True)
    model.register_to_config(_name_or_path="")  # where it lay on this machine is nobody's business
    model.half().save_pretrained(str(folder / "unet"))
    scheduler.save_pretrained(str(folder / "scheduler"))
    scaling = round(1 / latent_deviation(bundle.timesteps), 4)
    _edit(folder / "vae" / "config.json", scaling_factor=scaling)
    _edit(
        folder / "model_index.json",
        unet=["videocodec", "TemporalUNet"],
        scheduler=["diffusers", "DDIMScheduler"],
    )
    return ModelBundle.find(folder).sha256


def _blocks(state: dict[str, torch.Tensor], part: str) -> int:
    """How many blocks a part of a network has."""
    numbers = (int(name.split(".")[2]) for name in state if name.startswith(f"{part}."))
    return 1 + max(numbers, default=-1)


def _edit(file: Path, **values: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values, indent=2) + "\n")
