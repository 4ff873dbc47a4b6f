"""Models of the corpus of version 2: random tables of every kind that this knows, and a tiny
autoencoder for the real encoder.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from safetensors.numpy import save

from bitstream.v2.context_network import SliceNetwork
from bitstream.v2.loop_networks import LoopNetworks
from bitstream.v2.tables import LevelTables

from ..bitstream.v2.synthetic import random_tables, with_differences, with_inter_tables

_OCTAVE = 16 << 12  # of log2 scales, in the units of a network's bias
_AUTOENCODER = {
    "latent_channels": 3,
    "fine_width": 3,
    "width": 4,
    "encoder_low_width": 5,
    "encoder_low_blocks": 1,
    "decoder_low_width": 3,
    "decoder_low_blocks": 2,
    "activation": "relu",
    "scaling_factor": 1.0,
}
_LUMA = (77, 150, 29)  # of 256


def _spread(tables: LevelTables) -> LevelTables:
    """The same with scales from the smallest to the largest, channel by channel."""
    count = tables.latent_channels
    octaves = np.round(np.linspace(-4.5, 6.5, count) * _OCTAVE)

    def moved(networks: tuple[SliceNetwork, ...]) -> tuple[SliceNetwork, ...]:
        out, first = [], 0
        for network in networks:
            bias = network.direct_bias.copy()
            bias[network.channels :] += octaves[first : first + network.channels]
            out.append(replace(network, direct_bias=bias))
            first += network.channels
        return tuple(out)

    inter = tables.inter and replace(tables.inter, networks=moved(tables.inter.networks))
    return replace(tables, networks=moved(tables.networks), inter=inter)


def _several() -> LevelTables:
    """Difference networks, and a size of levels for every channel."""
    tables = with_differences(with_inter_tables(random_tables(31, (1, 2, 2), 4)), 31)
    return replace(_spread(tables), level_sizes=np.array([24, 16, 64, 17, 16]))


def _deep() -> LevelTables:
    """More slices than are coded in lattice order, no difference networks."""
    return _spread(with_inter_tables(random_tables(32, (1, 1, 1, 1, 2, 1), 2)))


def _deep_differences() -> LevelTables:
    """The same with difference networks, for keyframes alone."""
    return with_differences(_spread(random_tables(33, (1, 1, 1, 2, 2), 2)), 33)


def _one() -> LevelTables:
    """One channel, and scales about one step."""
    return with_differences(with_inter_tables(random_tables(34, (1,), 2)), 34)


def _steep() -> LevelTables:
    """Networks whose outputs and hidden units go beyond their limits."""
    tables = with_differences(with_inter_tables(random_tables(35, (1, 1), 3)), 35)

    def steep(networks: tuple[SliceNetwork, ...]) -> tuple[SliceNetwork, ...]:
        return tuple(
            replace(net, gather=net.gather * 1500, mix=net.mix * 6, direct=net.direct * 200)
            for net in networks
        )

    return replace(
        tables,
        networks=steep(tables.networks),
        differences=steep(tables.differences),
        inter=replace(
            tables.inter, networks=steep(tables.inter.networks), loop=_bright(tables.inter.loop)
        ),
    )


def _bright(loop: LoopNetworks) -> LoopNetworks:
    """The same with an encoder that is as bright as its pictures, and beyond."""
    linear = loop.layers["encoder.linear"]
    weights, shift = np.full_like(linear.weights, 100), np.zeros_like(linear.shift)
    layers = loop.layers | {"encoder.linear": replace(linear, weights=weights, shift=shift)}
    return LoopNetworks(loop.shape, layers, loop.curves)


def _linear() -> np.ndarray:
    """(C, 3, 8, 8) float32: the mean of luma, and its two slopes."""
    slope = (2 * np.arange(8) - 7) / 8
    waves = np.ones((8, 8)), slope[:, None] * np.ones(8), slope * np.ones((8, 1))
    colour = np.array(_LUMA)[:, None, None]
    return np.stack([colour * np.round(16 * wave) / 2**16 for wave in waves]).astype(np.float32)


def _encodable() -> LevelTables:
    """Tables for the tiny autoencoder, whose loop is that autoencoder in few bits."""
    from videocodec.calibration.loop_networks import loop_networks
    from videocodec.networks.second.autoencoder import SecondShape
    from videocodec.networks.second.codec import SecondCodec

    tables = with_differences(with_inter_tables(random_tables(36, (1, 2), 3, 60)), 36, 60)
    sizes = {key.replace("latent_", ""): v for key, v in _AUTOENCODER.items()}
    sizes.pop("scaling_factor")
    codec = SecondCodec(SecondShape(hidden=3, **sizes))
    codec.encoder.load_state_dict(_weights("encoder.", torch=True))
    codec.decoder.load_state_dict(_weights("decoder.", torch=True))
    pictures = [np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)]
    return replace(tables, inter=replace(tables.inter, loop=loop_networks(codec, pictures)))


def _weights(prefix: str = "", torch: bool = False) -> dict:
    """Of the tiny autoencoder: a linear map, and little beside it."""
    from videocodec.models.latent_autoencoder import SecondAutoencoder

    network = SecondAutoencoder(**_AUTOENCODER)
    rng = np.random.default_rng(37)
    weights = {
        name: rng.integers(-9, 10, tuple(value.shape)).astype(np.float32) / 64
        for name, value in sorted(network.state_dict().items())
    }
    weights["encoder.linear.weight"] = _linear() * 32
    weights["decoder.linear.weight"] = _linear() / 8
    chosen = {
        name.removeprefix(prefix): value
        for name, value in weights.items()
        if name.startswith(prefix)
    }
    if not torch:
        return chosen
    from torch import from_numpy

    return {name: from_numpy(value) for name, value in chosen.items()}


SECOND_MODELS: dict[str, Callable[[], LevelTables]] = {
    "several": _several,
    "deep": _deep,
    "keyframes": _deep_differences,
    "one": _one,
    "steep": _steep,
    "encodable": _encodable,
}


def make_second_files(name: str) -> dict[str, bytes]:
    """The files of a model's bundle, by their names in it; only ``encodable`` has networks."""
    tables = SECOND_MODELS[name]()
    tensors = tables.to_tensors() | {"latent_scale": np.ones(tables.latent_channels, np.float32)}
    files = {"codec/tables.safetensors": save(tensors, {"format_version": "2"})}
    if name != "encodable":
        return files
    config = {"_class_name": "SecondAutoencoder", **_AUTOENCODER}
    index = {"_class_name": "VideoCodecBundle", "vae": ["videocodec", "SecondAutoencoder"]}
    return files | {
        "model_index.json": json.dumps(index, indent=2).encode(),
        "vae/config.json": json.dumps(config, indent=2).encode(),
        "vae/diffusion_pytorch_model.safetensors": save(_weights()),
    }
