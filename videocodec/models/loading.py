"""Loading the networks of a bundle's folder: the project's own classes or diffusers', from safetensors only, on the CPU in float32."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import diffusers
import torch
from diffusers import DDIMScheduler
from diffusers.models.modeling_utils import ModelMixin
from safetensors import SafetensorError

from ..errors import UnknownModelError
from .denoiser import Denoiser, TemporalDenoiser
from .latent_autoencoder import LatentAutoencoder
from .temporal_unet import TemporalUNet

_OWN = {"LatentAutoencoder": LatentAutoencoder, "TemporalUNet": TemporalUNet}
_REASONS = (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, SafetensorError)


def load_autoencoder(folder: Path) -> ModelMixin:
    """``folder``/vae: the project's own class or any diffusers autoencoder.  Raises ``UnknownModelError`` with one clear line."""
    name = class_name(folder / "vae")
    kind = _OWN["LatentAutoencoder"] if name == "LatentAutoencoder" else getattr(diffusers, name, None)
    if kind is None or not hasattr(kind, "from_pretrained") or not name.startswith(("Autoencoder", "LatentAutoencoder")):
        raise UnknownModelError(f"{folder / 'vae/config.json'}: {name!r} is no autoencoder that diffusers {diffusers.__version__} knows")
    return load_network(folder / "vae", kind)


def load_denoiser(folder: Path, channels: int) -> Denoiser:
    """``folder``/unet as a denoiser of latents of so many channels.  Raises ``UnknownModelError`` with one clear line."""
    name = class_name(folder / "unet")
    if name != "TemporalUNet":
        raise UnknownModelError(f"{folder / 'unet/config.json'}: {name!r} is no UNet that videocodec can restore latents with")
    unet = load_network(folder / "unet", TemporalUNet)
    if unet.config.latent_channels != channels:
        raise UnknownModelError(
            f"{folder / 'unet'}: restores {unet.config.latent_channels} latent channels, the autoencoder has {channels}: take a pair"
        )
    return TemporalDenoiser(unet)


def load_scheduler(folder: Path) -> DDIMScheduler:
    """The noise schedule of ``folder``/scheduler, of whichever class, as a DDIM scheduler (Song et al. 2021)."""
    try:
        with _quiet():
            scheduler = DDIMScheduler.from_pretrained(str(folder / "scheduler"), local_files_only=True)
    except _REASONS as error:
        raise UnknownModelError(f"{folder / 'scheduler'}: cannot be loaded ({_line(error)})") from error
    return scheduler


def class_name(folder: Path) -> str:
    """``_class_name`` of the config.json in a folder.  Raises ``UnknownModelError``."""
    file = folder / "config.json"
    try:
        return str(dict(json.loads(file.read_text())).get("_class_name"))
    except (OSError, ValueError, TypeError) as error:
        raise UnknownModelError(f"{file}: cannot be read ({error})") from error


def load_network(folder: Path, kind: type[ModelMixin]) -> ModelMixin:
    """The weights in a folder as a network of a class, complete or not at all, ready for inference."""
    try:
        with _quiet():
            model, loading = kind.from_pretrained(
                str(folder),
                use_safetensors=True,
                local_files_only=True,
                torch_dtype=torch.float32,
                low_cpu_mem_usage=False,
                output_loading_info=True,
            )
    except _REASONS as error:
        raise UnknownModelError(f"{folder}: cannot be loaded ({_line(error)})") from error
    # diffusers fills such gaps with random numbers and goes on.
    if loading["missing_keys"]:
        raise UnknownModelError(
            f"{folder}: weights are missing ({', '.join(loading['missing_keys'][:3])}): the file belongs to another config.json"
        )
    return model.eval().requires_grad_(False)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


@contextmanager
def _quiet() -> Iterator[None]:
    """What diffusers logs before it raises is pages long, and the error says it in a line."""
    verbosity = diffusers.utils.logging.get_verbosity()
    diffusers.utils.logging.set_verbosity(diffusers.utils.logging.CRITICAL)
    try:
        yield
    finally:
        diffusers.utils.logging.set_verbosity(verbosity)
