"""What comes out of an autoencoder, tried with a few latents before it is given a picture: its
config may ask for pictures of any size, which costs no weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from bitstream.sequence_header import PIXELS_PER_LATENT

from ..errors import UnknownModelError
from .autoencoders import codebook_size

if TYPE_CHECKING:
    from diffusers.models.modeling_utils import ModelMixin

    from ..networks.own_autoencoders import OwnAutoencoder

TRIAL_SIDE = 4  # latents
# numbers that a layer may make of so many: 1024 channels at full resolution
LARGEST_TRIAL = 1 << 24
_BYTES_OF_DISTANCES = 8  # float32, and a copy
# What networks raise that do not take what they are given.
_REASONS = (
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
)


@torch.inference_mode()
def try_decoding(
    model: OwnAutoencoder | ModelMixin,
    folder: Path,
    channels: int,
    device: torch.device,
    *,
    takes_steps: bool,
) -> int:
    """Decode (1, channels, 4, 4) zeros → the bytes that the greediest layer reads and writes for
    one position: a picture cannot take less memory than that.

    folder: of the bundle, for errors.  takes_steps: whether the model takes quantiser steps.
    Raises ``UnknownModelError`` unless 8×8 px come out for each, and no layer makes much more.
    """
    z = torch.zeros(1, channels, TRIAL_SIDE, TRIAL_SIDE, device=device)
    steps: dict[str, Any] = {}
    if takes_steps:
        steps = {"step": torch.ones(1, TRIAL_SIDE, TRIAL_SIDE, device=device)}
    watch = _Watch(folder)
    hooks = [module.register_forward_hook(watch) for module in model.modules()]
    try:
        z = z.contiguous(memory_format=torch.channels_last)
        shape = tuple(model.decode(z, **steps).sample.shape)
    except _REASONS as error:
        if isinstance(error, UnknownModelError):
            raise
        reason = " ".join(str(error).split())[:200]
        raise UnknownModelError(
            f"{folder}: the autoencoder does not decode latents one by one ({reason})"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    side = PIXELS_PER_LATENT * TRIAL_SIDE
    if shape != (1, 3, side, side):
        raise UnknownModelError(
            f"{folder}: makes {shape} of {TRIAL_SIDE}×{TRIAL_SIDE} latents: an autoencoder must"
            f" have a stride of {PIXELS_PER_LATENT} px"
        )
    # A codebook's distances to every position are in no layer's output.
    distances = _BYTES_OF_DISTANCES * codebook_size(model)
    return max(watch.most_bytes // TRIAL_SIDE**2, distances)


class _Watch:
    """A forward hook of all layers.  most_bytes: what the greediest one read and wrote."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.most_bytes = 0

    def __call__(self, module: torch.nn.Module, inputs: tuple[object, ...], output: object) -> None:
        if isinstance(output, torch.Tensor) and output.numel() > LARGEST_TRIAL:
            raise UnknownModelError(
                f"{self._folder}: makes more of latents than pictures of 8 px a latent"
            )
        if not any(module.children()):
            tensors = [t for t in (*inputs, output) if isinstance(t, torch.Tensor)]
            taken = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
            self.most_bytes = max(self.most_bytes, taken)
