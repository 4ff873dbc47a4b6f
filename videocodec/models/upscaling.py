"""The head for twice the size that a bundle may have, and a runtime that makes pictures with it.

It lies in ``upscaler/``, config.json beside safetensors as every network, and is no part of the
model's identity: files coded with or without it are the same.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.torch import save_file

from bitstream.sequence_header import PIXELS_PER_LATENT

from ..errors import UnknownModelError
from ..networks.own_autoencoders import OwnAutoencoder
from ..networks.second.autoencoder import SecondDecoder
from ..networks.second.upscaling import SCALE, UpscalerShape, UpscalingDecoder, UpscalingHead
from .budget import within_weights
from .bundle import ModelBundle
from .devices import memory_ended
from .files import UPSCALER
from .network_files import BUILDING_ERRORS, checked_config, class_name, unloadable
from .runtime import AutoencoderRuntime

if TYPE_CHECKING:
    from diffusers.models.modeling_utils import ModelMixin

CLASS_NAME = UpscalingHead.__name__
WEIGHTS = "diffusion_pytorch_model.safetensors"


def load_upscaler(folder: Path) -> UpscalingHead:
    """The head in ``folder``/upscaler, on the CPU in float32, ready for inference.

    Raises ``UnknownModelError`` with one clear line.
    """
    part = folder / UPSCALER
    if class_name(part) != CLASS_NAME:
        raise UnknownModelError(
            f"{part / 'config.json'}: {class_name(part)!r} is no head for twice the size: it must"
            f" be {CLASS_NAME}"
        )
    config = checked_config(part, part)
    known = {field.name for field in fields(UpscalerShape)}
    sizes = {name: value for name, value in config.items() if name in known}
    try:
        with within_weights(part):
            head = UpscalingHead(UpscalerShape(**sizes))  # type: ignore[arg-type]  # else it fails
            head.load(part / WEIGHTS)
    except BUILDING_ERRORS as error:
        if isinstance(error, UnknownModelError) or memory_ended(error):
            raise
        raise unloadable(part, error) from error
    return head.eval().requires_grad_(False)


class UpscalingRuntime(AutoencoderRuntime):
    """A bundle's autoencoder whose ``decode`` makes pictures of twice the width and height; heights
    and widths are of these.  Encoding is the same.
    """

    pixels_per_latent = SCALE * PIXELS_PER_LATENT

    def load(self, bundle: ModelBundle) -> OwnAutoencoder | ModelMixin:
        """Load the autoencoder with the head in place of its decoder's own."""
        model, head = bundle.load_autoencoder(), load_upscaler(bundle.folder)
        decoder = model.decoder if isinstance(model, OwnAutoencoder) else None
        if not isinstance(decoder, SecondDecoder):
            raise UnknownModelError(
                f"{bundle.folder / UPSCALER}: a head for the second autoencoder, and this is"
                " another: take it out of the bundle"
            )
        model.decoder = UpscalingDecoder(decoder, head)
        return model


def config_of(shape: UpscalerShape) -> dict[str, object]:
    """What config.json of a head says."""
    return {"_class_name": CLASS_NAME, **asdict(shape)}


def save_upscaler(head: UpscalingHead, folder: Path) -> None:
    """Put a head into a bundle, as float16; the bundle's identity stays what it is."""
    part = folder / UPSCALER
    part.mkdir(exist_ok=True)
    tensors = {name: value.half().contiguous() for name, value in head.state_dict().items()}
    save_file(tensors, str(part / WEIGHTS), {"format": "pt"})
    (part / "config.json").write_text(json.dumps(config_of(head.shape), indent=2) + "\n")
