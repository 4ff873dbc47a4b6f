"""Loading the autoencoder that a bundle codes with, and its latents.

The project's own come as bare torch modules; diffusers is imported for others only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file

from ..networks.own_autoencoders import CONFIGS, OwnAutoencoder
from .budget import within_weights
from .devices import memory_ended
from .files import weights_folder
from .network_files import (
    BUILDING_ERRORS,
    check_complete,
    checked_config,
    class_name,
    unloadable,
)
from .strict_json import read_json

if TYPE_CHECKING:
    from diffusers.models.modeling_utils import ModelMixin

_WEIGHTS = "diffusion_pytorch_model.safetensors"
_TRIED_SIDE = 64  # px


def load_autoencoder(folder: Path) -> OwnAutoencoder | ModelMixin:
    """``folder``/vae, on the CPU in float32, ready for inference: the project's own networks, or
    any diffusers autoencoder.

    Raises ``UnknownModelError`` with one clear line.
    """
    part, weights = folder / "vae", weights_folder(folder, "vae")
    is_whole = (weights / _WEIGHTS).is_file() and not (weights / f"{_WEIGHTS}.index.json").is_file()
    if is_whole and (name := class_name(part)) in CONFIGS:
        return _own(part, name, weights)
    from .loading import load_autoencoder_in

    return load_autoencoder_in(part, weights)


def _own(folder: Path, name: str, weights: Path) -> OwnAutoencoder:
    """By the config in one folder and the weights in another, which may have a config too."""
    config = checked_config(folder, weights)
    if weights != folder and (weights / "config.json").is_file():
        config = read_json(weights / "config.json") | config
    try:
        with within_weights(weights):
            model = OwnAutoencoder(name, config)
            found = model.load_state_dict(load_file(str(weights / _WEIGHTS)), strict=False)
    except BUILDING_ERRORS as error:
        if memory_ended(error):
            raise  # the files are not to blame
        raise unloadable(folder, error) from error
    check_complete(folder, found.missing_keys)
    return model.eval().requires_grad_(False)


def latents_of(model: OwnAutoencoder | ModelMixin, pictures: torch.Tensor) -> torch.Tensor:
    """Pictures (B, 3, H, W) in [-1, 1] → the latents worth coding, as the autoencoder makes them:
    of a distribution its mode, with a codebook the entries that its decoder would snap them to.
    """
    return latents_and_log_variance(model, pictures)[0]


def latents_and_log_variance(
    model: OwnAutoencoder | ModelMixin, pictures: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """As ``latents_of``, and the natural logarithms of their variances, (B, C, h, w), where the
    autoencoder makes a distribution that has them, as diffusers' ``AutoencoderKL`` does; None of
    the others.
    """
    encoded = model.encode(pictures)
    if hasattr(encoded, "latent_dist"):
        distribution = encoded.latent_dist
        return distribution.mode(), getattr(distribution, "logvar", None)
    latents: torch.Tensor = encoded.latents
    if codebook_size(model):
        latents = model.get_submodule("quantize")(latents)[0]
    return latents, None


def latent_channels(model: OwnAutoencoder | ModelMixin) -> int | None:
    """Channels of an autoencoder's latents by its config, None where that does not say."""
    channels: int | None = getattr(model.config, "latent_channels", None)
    return getattr(model.config, "vq_embed_dim", None) or channels


def codebook_size(model: OwnAutoencoder | ModelMixin) -> int:
    """Entries of the codebook to which a decoder snaps latents (van den Oord et al. 2017), as that
    of diffusers' ``VQModel`` does; 0 for the others, which have none.
    """
    return getattr(model.config, "num_vq_embeddings", 0)


def gives_variance(model: OwnAutoencoder | ModelMixin) -> bool:
    """Whether an autoencoder says how sure it is of every latent."""
    device = next(model.parameters()).device
    with torch.inference_mode():
        pictures = torch.zeros(1, 3, _TRIED_SIDE, _TRIED_SIDE, device=device)
        return latents_and_log_variance(model, pictures)[1] is not None
