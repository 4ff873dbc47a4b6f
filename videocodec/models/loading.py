"""Loading the networks of a bundle's folder: the project's own classes or diffusers', from
safetensors only, on the CPU in float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import diffusers
import torch
from diffusers import DDIMScheduler
from diffusers.models.modeling_utils import ModelMixin

from ..errors import UnknownModelError
from .budget import check_config, within_weights
from .denoiser import Denoiser, TemporalDenoiser
from .devices import memory_ended
from .latent_autoencoder import OWN_AUTOENCODERS
from .network_files import (
    BUILDING_ERRORS,
    check_complete,
    checked_config,
    class_name,
    in_a_line,
    unloadable,
)
from .strict_json import read_json

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel, UNetMotionModel

# Classes of diffusers whose names do not say that they are autoencoders.
OTHER_AUTOENCODERS = ("VQModel",)
OWN_CLASSES = (*OWN_AUTOENCODERS, "TemporalUNet")
STOCK_UNETS = ("UNet2DConditionModel", "UNetMotionModel")


def load_autoencoder_in(folder: Path, weights: Path | None = None) -> ModelMixin:
    """The autoencoder whose config lies in this very folder, and its weights in ``weights``,
    without it in the same: the project's own class behind diffusers' interface, or any of
    diffusers' own.

    Raises ``UnknownModelError`` with one clear line.
    """
    name = class_name(folder)
    kind = OWN_AUTOENCODERS.get(name) or getattr(diffusers, name, None)
    is_autoencoder = "Autoencoder" in name or name in OTHER_AUTOENCODERS
    if not (is_autoencoder and isinstance(kind, type) and issubclass(kind, ModelMixin)):
        raise UnknownModelError(
            f"{folder / 'config.json'}: {name!r} is no autoencoder that diffusers"
            f" {diffusers.__version__} knows"
        )
    model = load_network(folder, kind, weights)
    if any(parameter.ndim > 4 for parameter in model.parameters()):
        raise UnknownModelError(
            f"{folder}: a {name} is made for clips, with layers over time: give an autoencoder of"
            " single pictures"
        )
    return model


def load_denoiser(folder: Path, channels: int) -> Denoiser:
    """``folder``/unet as a denoiser of latents of so many channels.

    Raises ``UnknownModelError`` with one clear line.
    """
    name = class_name(folder / "unet")
    if name == "TemporalUNet":
        from .temporal_unet import TemporalUNet  # it imports all of diffusers' models

        unet = load_network(folder / "unet", TemporalUNet)
        if unet.config.latent_channels != channels:
            raise UnknownModelError(
                f"{folder / 'unet'}: restores {unet.config.latent_channels} latent channels, the"
                f" autoencoder has {channels}: take a pair"
            )
        return TemporalDenoiser(unet)
    from diffusers import UNetMotionModel

    from .stock_denoiser import Conditioning, MotionDenoiser, StockDenoiser, prompt_width

    unet = load_stock_unet(folder, channels)
    conditioning = Conditioning.load(folder / "unet")
    if conditioning.prompt.shape[2] != prompt_width(unet) or len(conditioning.grey) != channels:
        raise UnknownModelError(
            f"{folder / 'unet'}: the conditioning belongs to another UNet: run videocodec models"
            " calibrate again"
        )
    scheduler = load_scheduler(folder)
    if isinstance(unet, UNetMotionModel):
        return MotionDenoiser(
            unet, conditioning, scheduler.alphas_cumprod, scheduler.config.prediction_type
        )
    return StockDenoiser(unet, conditioning, scheduler.alphas_cumprod)


def load_stock_unet(folder: Path, channels: int) -> UNet2DConditionModel | UNetMotionModel:
    """Diffusers' UNet in ``folder``/unet, with the motion modules of ``folder``/motion_adapter if
    there are any, checked to fit an autoencoder of so many latent channels.  Raises
    ``UnknownModelError`` with one clear line.
    """
    from diffusers import MotionAdapter, UNetMotionModel

    from .stock_denoiser import check_unet

    name = class_name(folder / "unet")
    if name not in STOCK_UNETS:
        raise UnknownModelError(
            f"{folder / 'unet/config.json'}: {name!r} is no UNet that videocodec can restore"
            " latents with"
        )
    unet = load_network(folder / "unet", getattr(diffusers, name))
    check_unet(unet, channels, folder / "unet")
    adapter_folder = folder / "motion_adapter"
    if name == "UNetMotionModel" or not adapter_folder.is_dir():
        return unet
    if (kind := class_name(adapter_folder)) != "MotionAdapter":
        raise UnknownModelError(f"{adapter_folder / 'config.json'}: {kind!r} is no MotionAdapter")
    adapter = load_network(adapter_folder, MotionAdapter)
    if adapter.config.conv_in_channels:
        raise UnknownModelError(
            f"{adapter_folder}: adapters with an input layer of their own (PIA) are not supported"
        )
    try:
        with _quiet():
            return UNetMotionModel.from_unet2d(unet, adapter).eval().requires_grad_(False)
    except BUILDING_ERRORS as error:
        raise UnknownModelError(
            f"{adapter_folder}: does not fit the UNet ({in_a_line(error)})"
        ) from error


def load_scheduler(folder: Path) -> DDIMScheduler:
    """The noise schedule of ``folder``/scheduler, of whichever class, as a DDIM scheduler (Song et
    al. 2021).

    Raises ``UnknownModelError``, also for flow matching and whatever else has no ᾱ.
    """
    file = folder / "scheduler" / "scheduler_config.json"
    config = read_json(file)
    if "FlowMatch" in str(config.get("_class_name")):
        raise UnknownModelError(
            f"{file}: {config['_class_name']} is flow matching, which videocodec cannot restore"
            " latents with"
        )
    if "beta_schedule" not in config and config.get("trained_betas") is None:
        raise UnknownModelError(
            f"{file}: {config.get('_class_name')!r} has no beta_schedule: take a scheduler like"
            " DDIM, PNDM or Euler"
        )
    check_config({name: value for name, value in config.items() if name != "trained_betas"}, file)
    try:
        with _quiet():
            # Clipping to ±1 and thresholding are for pictures; DDIM's default would do it to
            # latents.
            scheduler = DDIMScheduler.from_pretrained(
                str(folder / "scheduler"),
                local_files_only=True,
                clip_sample=False,
                thresholding=False,
            )
    except BUILDING_ERRORS as error:
        raise unloadable(folder / "scheduler", error) from error
    return scheduler


def load_network(folder: Path, kind: type[ModelMixin], weights: Path | None = None) -> ModelMixin:
    """The weights in a folder as a network of a class, complete or not at all, ready for
    inference.

    weights: another folder of a network of that class, whose weights are taken in place of
    ``folder``'s; the config is that of ``folder``.
    """
    weights = weights or folder
    config = checked_config(folder, weights)
    # What is given by name goes before the config beside the weights.
    chosen = {} if weights == folder else {k: v for k, v in config.items() if k[0] != "_"}
    try:
        with _quiet(), within_weights(weights):
            model, loading = kind.from_pretrained(
                str(weights),
                use_safetensors=True,
                local_files_only=True,
                torch_dtype=torch.float32,
                low_cpu_mem_usage=False,
                output_loading_info=True,
                **chosen,
            )
    except BUILDING_ERRORS as error:
        if memory_ended(error):
            raise  # the files are not to blame
        raise unloadable(folder, error) from error
    # diffusers fills such gaps with random numbers and goes on.
    check_complete(folder, loading["missing_keys"])
    return model.eval().requires_grad_(False)


@contextmanager
def _quiet() -> Iterator[None]:
    """What diffusers logs before it raises is pages long, and the error says it in a line; its
    bars, for shards, say nothing.
    """
    logging = diffusers.utils.logging
    verbosity, shows_bars = (
        logging.get_verbosity(),
        getattr(logging, "is_progress_bar_enabled", lambda: True)(),
    )
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if shows_bars:
            logging.enable_progress_bar()
