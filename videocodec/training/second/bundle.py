"""A model bundle of format version 2, from the weights of a training and fitted tables."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from safetensors.torch import load_file

from bitstream.v1.tables import TablesError
from bitstream.v2.tables import LevelTables

from ...calibration.post_filter import integer_post_filter
from ...errors import InputError
from ...models.bundle import ModelBundle
from ...models.files import TABLES_FILE, has_upscaler
from ...models.latent_autoencoder import SecondAutoencoder
from ...models.post_filter import PostFilter
from ...models.upscaling import load_upscaler, save_upscaler
from ...networks.post_filter import PostFilterNetwork
from ...networks.second.autoencoder import SecondShape
from ...networks.second.codec import SecondCodec
from ...networks.upscaling import PictureUpscaler

_UPSCALER_ROW, _POST_FILTER_ROW = "| upscaler |", "| post-filter |"
_CARD = Path(__file__).with_name("card.md")  # with {names} of what follows from the files


def install_second(weights: Path, tables: LevelTables, bundle: Path, about: str) -> ModelBundle:
    """Put networks and tables into the folder of a bundle, with a model card.

    weights: safetensors of ``SecondCodec``; their rate model stays out, it is in the tables.
    bundle: a folder, whose name is the model's; a network for twice the size that it holds stays.
    about: Markdown on the weights, for the card.
    Raises ``UnknownModelError`` for other weights, ``TablesError`` for tables that do not fit.
    """
    codec = SecondCodec(shape_of(weights))
    codec.load(weights)
    shape = codec.shape
    if tables.inter is None or tables.slices != codec.rate.slices:
        raise TablesError(
            f"tables of slices {tables.slices}, {'without' if tables.inter is None else 'with'}"
            f" inter frames: the weights need {codec.rate.slices}, with them"
        )
    model = SecondAutoencoder(
        latent_channels=shape.channels,
        fine_width=shape.fine_width,
        width=shape.width,
        encoder_low_width=shape.encoder_low_width,
        encoder_low_blocks=shape.encoder_low_blocks,
        decoder_low_width=shape.decoder_low_width,
        decoder_low_blocks=shape.decoder_low_blocks,
        activation=shape.activation,
    )
    model.encoder.load_state_dict(codec.encoder.state_dict())
    model.decoder.load_state_dict(codec.decoder.state_dict())
    model.half().save_pretrained(str(bundle / "vae"))
    target = bundle / TABLES_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    tensors = tables.to_tensors() | {"latent_scale": np.ones(shape.channels, np.float32)}
    save_file(tensors, str(target), {"format_version": str(tables.format_version)})
    index = {"_class_name": "VideoCodecBundle", "vae": ["videocodec", SecondAutoencoder.__name__]}
    (bundle / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    written = ModelBundle(bundle.name, bundle)
    (bundle / "README.md").write_text(_card(written, model, tables, about), encoding="utf-8")
    return written


def shape_of(weights: Path) -> SecondShape:
    """The sizes of the networks in a file of weights.  Raises ``InputError`` for another file."""
    try:
        state = load_file(str(weights))
        sizes = {name: tensor.shape for name, tensor in state.items()}
        return SecondShape(
            channels=sizes["encoder.linear.weight"][0],
            fine_width=sizes["encoder.stem.weight"][0],
            width=sizes["encoder.down.weight"][0],
            encoder_low_width=sizes["encoder.low.0.weight"][0],
            encoder_low_blocks=_blocks(state, "encoder"),
            decoder_low_width=sizes["decoder.low.0.weight"][0],
            decoder_low_blocks=_blocks(state, "decoder"),
        )
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{weights}: no weights of the second autoencoder ({error}): give the safetensors file"
            " of a training run"
        ) from error


def _blocks(state: dict[str, torch.Tensor], part: str) -> int:
    """How many blocks there are at 1/16 resolution, between two convolutions."""
    return max(int(name.split(".")[2]) for name in state if name.startswith(f"{part}.low.")) - 1


def _card(bundle: ModelBundle, model: SecondAutoencoder, tables: LevelTables, about: str) -> str:
    """The model card: what follows from the files, and ``about`` with its headings a level down."""
    encoder, decoder = (
        sum(parameter.numel() for parameter in part.parameters()) / 1e6
        for part in (model.encoder, model.decoder)
    )
    head = _CARD.read_text(encoding="utf-8").format(
        name=bundle.name,
        channels=tables.latent_channels,
        encoder=encoder,
        decoder=decoder,
        version=tables.format_version,
        slices=len(tables.slices),
        size=sum(file.stat().st_size for _, file in bundle.files) / 1e6,
        tables=bundle.tables_file.stat().st_size / 1e6,
        sha256=bundle.sha256,
    )
    card = head + re.sub(r"^#", "##", about.strip(), flags=re.MULTILINE) + "\n"
    return _with_helpers(card, bundle.folder)


def install_upscaler(network: PictureUpscaler, bundle: ModelBundle) -> None:
    """Put a network for twice the size into a bundle, and a line on it into its model card; the
    bundle's identity stays what it is.
    """
    save_upscaler(network, bundle.folder)
    _renew_card(bundle)


def install_post_filter(network: PostFilterNetwork, bundle: ModelBundle) -> None:
    """The same for a post-filter, in integers."""
    integer_post_filter(network).save(bundle.folder)
    _renew_card(bundle)


def _renew_card(bundle: ModelBundle) -> None:
    card = bundle.folder / "README.md"
    if card.is_file():
        text = _with_helpers(card.read_text(encoding="utf-8"), bundle.folder)
        card.write_text(text, encoding="utf-8")


def _with_helpers(card: str, folder: Path) -> str:
    """A model card with the lines on the networks that are no part of the identity."""
    rows = (_UPSCALER_ROW, _POST_FILTER_ROW)
    lines = [line for line in card.splitlines() if not line.startswith(rows)]
    place = next(i for i, line in enumerate(lines) if line.startswith("| size |"))
    apart = "no part of the identity, since nothing that is coded depends on it"
    helpers = []
    if has_upscaler(folder):
        count = sum(weight.numel() for weight in load_upscaler(folder).parameters())
        helpers.append(
            f"{_UPSCALER_ROW} makes decoded pictures twice as large, {count / 1e6:.2f} M"
            f" parameters, float16; detail beyond the coded size is made up; {apart}; trained by"
            " `python -m tools.train.upscaler` on the same photographs and frames |"
        )
    if (post_filter := PostFilter.load(folder)) is not None:
        count = sum(layer.weights.size for layer in post_filter.layers.values())
        helpers.append(
            f"{_POST_FILTER_ROW} takes out of decoded pictures what coding put in,"
            f" {count / 1e6:.2f} M weights, integers; {apart}; trained by"
            " `python -m tools.train.post_filter` on decoded frames and crops |"
        )
    return "\n".join([*lines[:place], *helpers, *lines[place:]]) + "\n"
