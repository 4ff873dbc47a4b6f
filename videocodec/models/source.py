"""Where a model that is to be calibrated comes from: a diffusers pipeline or a bare autoencoder, in
a folder or on the hub.

Everything is loaded and checked where it lies before anything is copied, and only safetensors and
configs are copied.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers.models.modeling_utils import ModelMixin

from bitstream.sequence_header import PIXELS_PER_LATENT

from ..errors import UnknownModelError
from .autoencoders import latent_channels, latents_of
from .bundle import PICKLES
from .files import NETWORK_FOLDERS, WORD_FILES, weights_folder
from .hub import SOURCE_FILES, TEXT_FILES, fetch, is_hub_name
from .loading import (
    OWN_CLASSES,
    load_autoencoder_in,
    load_denoiser,
    load_scheduler,
    load_stock_unet,
)
from .network_files import class_name

WEIGHTS = "diffusion_pytorch_model"
_MOST_CHANNELS = 64  # of codec tables


@dataclass(frozen=True)
class ModelSource:
    """A folder in diffusers' layout.  bare: an autoencoder alone, whose config.json lies at the
    top; name: what to call it.
    """

    folder: Path
    name: str
    bare: bool

    @classmethod
    def find(cls, source: str | Path) -> ModelSource:
        """The folder, or, only where there is no such folder, the model called ``org/name`` on the
        hub.

        Raises ``UnknownModelError`` with one clear line.
        """
        text, folder = str(source), Path(source)
        if folder.is_file():
            refusal = "refusing pickled weights" if folder.suffix in PICKLES else "this is a file"
            raise UnknownModelError(
                f"{text}: {refusal}: give a folder in diffusers' layout, with config.json and"
                " safetensors"
            )
        name = folder.resolve().name
        if not folder.is_dir():
            if not is_hub_name(text):
                raise UnknownModelError(
                    f"{text}: no such folder, and no org/name of a model on the hub"
                )
            instead = (
                f"put its vae/config.json and vae/{WEIGHTS}.safetensors, and for restoration the"
                " same of unet/ and scheduler/scheduler_config.json, into a folder and give that"
            )
            folder, name = (
                fetch(text, (*SOURCE_FILES, *TEXT_FILES), instead),
                text.rpartition("/")[2],
            )
        if (folder / "vae").is_dir():
            return cls(folder, name, bare=False)
        if not (folder / "config.json").is_file():
            raise UnknownModelError(
                f"{text}: no vae/config.json and no config.json here: give a diffusers pipeline or"
                " the folder of an autoencoder"
            )
        return cls(folder, name, bare=True)

    @property
    def autoencoder_folder(self) -> Path:
        """Where the autoencoder's files lie."""
        return self.folder if self.bare else self.folder / "vae"

    @property
    def autoencoder_weights(self) -> Path:
        """Where its weights lie: bundles of the package may share them."""
        return self.folder if self.bare else weights_folder(self.folder, "vae")

    @property
    def has_unet(self) -> bool:
        """Whether there is a UNet."""
        return not self.bare and (self.folder / "unet").is_dir()

    @property
    def notes(self) -> list[str]:
        """What will be left out that its owner may expect, a line each."""
        if not self.bare and not self.has_unet and (self.folder / "transformer").is_dir():
            return [
                "transformer/ is not supported (flow matching): the autoencoder alone is taken,"
                " without restoration"
            ]
        return []

    def load_autoencoder(self) -> ModelMixin:
        """Checked: safetensors, stride of 8 px, RGB.  Raises ``UnknownModelError``."""
        folder = self.autoencoder_folder
        _check_weights(self.autoencoder_weights)
        model = load_autoencoder_in(folder, self.autoencoder_weights)
        count = 8  # positions a side
        side = count * PIXELS_PER_LATENT
        try:
            with torch.inference_mode():
                latents = latents_of(model, torch.zeros(1, 3, side, side))
        except (RuntimeError, ValueError, TypeError, AttributeError, IndexError) as error:
            reason = " ".join(str(error).split())[:100]
            raise UnknownModelError(
                f"{folder}: a {type(model).__name__} does not encode RGB pictures one by one"
                f" ({reason})"
            ) from error
        channels = latent_channels(model)
        if latents.ndim != 4 or latents.shape[2:] != (count, count):
            shape = "x".join(map(str, latents.shape[1:]))
            raise UnknownModelError(
                f"{folder}: makes {shape} latents of {side}x{side} px: an autoencoder must have a"
                f" stride of {PIXELS_PER_LATENT} px"
            )
        if channels is None or latents.shape[1] != channels:
            raise UnknownModelError(
                f"{folder}: the number of channels is {channels} in its config.json, but it makes"
                f" {latents.shape[1]}"
            )
        if channels > _MOST_CHANNELS:
            raise UnknownModelError(
                f"{folder}: has {channels} latent channels, a stream holds at most {_MOST_CHANNELS}"
            )
        return model

    def load_unet(self, channels: int) -> ModelMixin | None:
        """diffusers' UNet, with its motion adapter if there is one, checked to fit so many latent
        channels, and its noise schedule checked too; None for the project's own network, checked as
        well.  Raises ``UnknownModelError``.
        """
        for part in ("unet", "motion_adapter"):
            if (self.folder / part).is_dir():
                _check_weights(self.folder / part)
        load_scheduler(self.folder)
        if class_name(self.folder / "unet") == "TemporalUNet":
            load_denoiser(self.folder, channels)
            return None
        return load_stock_unet(self.folder, channels)

    def install(self, bundle: Path, autoencoder: ModelMixin) -> None:
        """Copy configs and safetensors into the folder of a bundle.

        ``autoencoder``: the one loaded from here.
        """
        parts = (
            [part for part in NETWORK_FOLDERS if not self.bare and (self.folder / part).is_dir()]
            if self.has_unet
            else ["vae"]
        )
        index: dict[str, str | list[str]] = {"_class_name": "VideoCodecBundle"}
        for part in parts:
            origin = self.autoencoder_folder if part == "vae" else self.folder / part
            weights = self.autoencoder_weights if part == "vae" else origin
            config = "scheduler_config.json" if part == "scheduler" else "config.json"
            files = [origin / config]
            if part != "scheduler":
                files += [weights / file for file in weight_files(weights)]
            (bundle / part).mkdir(parents=True)
            for file in files:
                shutil.copyfile(file, bundle / part / file.name)
            name = "DDIMScheduler" if part == "scheduler" else class_name(origin)
            index[part] = ["videocodec" if name in OWN_CLASSES else "diffusers", name]
        # Old configs leave out what has become a default of the class; nothing else of the bundle
        # knows the class.
        config_file = bundle / "vae" / "config.json"
        config = json.loads(config_file.read_text())
        missing = {
            key: autoencoder.config[key]
            for key in ("scaling_factor", "shift_factor")
            if key in autoencoder.config
        }
        config_file.write_text(json.dumps(missing | config, indent=2) + "\n")
        (bundle / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")

    def install_text_encoder(self, bundle: Path) -> None:
        """Copy the text encoder and its tokenizer into the folder of a bundle.

        Raises ``UnknownModelError`` where there are none, or no UNet for them.
        """
        for part, patterns in WORD_FILES.items():
            files = [file for pattern in patterns for file in (self.folder / part).glob(pattern)]
            if not files or not self.has_unet:
                raise UnknownModelError(
                    f"{self.folder}: words need unet/, text_encoder/ and tokenizer/, and there is"
                    f" no {part if self.has_unet else 'unet'}/: calibrate it without words"
                )
            (bundle / part).mkdir()
            for file in files:
                shutil.copyfile(file, bundle / part / file.name)


def weight_files(folder: Path) -> list[str]:
    """Names of the safetensors of one network, one file or shards with their index; none where
    there are none.
    """
    if (folder / f"{WEIGHTS}.safetensors").is_file():
        return [f"{WEIGHTS}.safetensors"]
    index = f"{WEIGHTS}.safetensors.index.json"
    shards = sorted(f.name for f in folder.glob(f"{WEIGHTS}-*-of-*.safetensors"))
    return [index, *shards] if shards and (folder / index).is_file() else []


def _check_weights(folder: Path) -> None:
    if weight_files(folder):
        return
    pickles = sorted(f.name for f in folder.glob("*") if f.suffix in PICKLES)
    if pickles:
        raise UnknownModelError(
            f"{folder}: refusing pickled weights ({pickles[0]}): convert them to"
            f" {WEIGHTS}.safetensors"
        )
    variants = sorted(f.name for f in folder.glob(f"{WEIGHTS}.*.safetensors"))
    what_to_do = f"copy {variants[0]} to that name" if variants else "put it there"
    if variants and "-of-" in variants[0]:  # their index has the names of the variant
        what_to_do = "there are only shards of a variant, save the network again without one"
    raise UnknownModelError(f"{folder}: {WEIGHTS}.safetensors is missing: {what_to_do}")
