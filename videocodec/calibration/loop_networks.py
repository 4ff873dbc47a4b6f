"""The networks in the loop of format version 2, from those of a training: ranges of what flows
through them on some pictures, then weights in as many bits as exact sums leave.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from bitstream.v1.quantiser import UNITS_PER_LATENT
from bitstream.v2.integer_layers import (
    LARGEST_SHIFT,
    NARROW_SUM,
    WIDE_SUM,
    IntegerLayer,
    LayerShape,
)
from bitstream.v2.loop_arithmetic import COARSE, HIDDEN, MIDDLE, STREAM
from bitstream.v2.loop_networks import LoopNetworks, LoopShape

from ..networks.second.autoencoder import ACTIVATIONS, SecondDecoder, SecondEncoder, WideBlock
from ..networks.second.codec import SecondCodec

Linear = nn.Conv2d | nn.ConvTranspose2d
Activation = Callable[[torch.Tensor], torch.Tensor]
_FLOAT = npt.NDArray[np.float64]
_STEPS = (2.0, 4.0, 8.0)  # of the latents that ranges are taken from
_MARGIN = 2.0  # by which ranges are wider than what was seen
_LEAST_RANGE = 1e-3
_FINE = 16  # of the two parts of a picture or of latents, before they are added
_STREAM_PER_COARSE = 8
_LATENT_SCALE = 3.0  # by which the decoder's network divides latents
_QUANTISERS_PER_OCTAVE = 12
_WEIGHT_LIMIT = 32767
_SUM_HEADROOM = 1 << 14


class Ranges:
    """The largest magnitude of every channel by the name of a module, seen at its outputs."""

    def __init__(self, network: nn.Module) -> None:
        self.largest: dict[str, _FLOAT] = {}
        self._hooks = [
            module.register_forward_hook(partial(self._seen, name))
            for name, module in network.named_modules()
            if name
        ]

    def _seen(
        self, name: str, module: nn.Module, given: tuple[torch.Tensor, ...], out: torch.Tensor
    ) -> None:
        for key, tensor in ((name, out), (f"{name}.input", given[0])):
            most = tensor.detach().abs().amax((0, 2, 3)).double().numpy()
            self.largest[key] = np.maximum(self.largest.get(key, 0), most)

    def close(self) -> None:
        """Look no more."""
        for hook in self._hooks:
            hook.remove()

    def of(self, *names: str) -> _FLOAT:
        """Of the outputs of modules together."""
        largest: _FLOAT = np.maximum.reduce([self.largest[name] for name in names])
        return np.maximum(largest * _MARGIN, _LEAST_RANGE)


def loop_networks(codec: SecondCodec, pictures: Sequence[npt.NDArray[np.uint8]]) -> LoopNetworks:
    """Networks of few bits with the ranges of some pictures, RGB (H, W, 3), sides multiples of
    16.
    """
    decoder, encoder = Ranges(codec.decoder), Ranges(codec.encoder)
    try:
        with torch.inference_mode():
            for picture in pictures:
                tensor = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
                latents = codec.encoder(tensor)
                for step in _STEPS:
                    rounded = torch.round(latents / step) * step
                    decoded = codec.decoder(rounded, torch.log2(torch.tensor([step])))
                    codec.encoder(decoded.clamp(-1, 1))
    finally:
        decoder.close()
        encoder.close()
    sizes = codec.shape
    shape = LoopShape(
        sizes.channels,
        sizes.fine_width,
        sizes.width,
        sizes.encoder_low_width,
        sizes.encoder_low_blocks,
        sizes.decoder_low_width,
        sizes.decoder_low_blocks,
    )
    shapes = {layer.name: layer for layer in shape.layers()}
    maker = _Maker(shapes, ACTIVATIONS[sizes.activation])
    _decoder(maker, codec.decoder, decoder, shape)
    _encoder(maker, codec.encoder, encoder, shape)
    return LoopNetworks(shape, maker.layers, maker.curves)


class _Maker:
    """Layers as they are maker."""

    def __init__(self, shapes: dict[str, LayerShape], activation: Activation) -> None:
        self._shapes, self._activation = shapes, activation
        self.layers: dict[str, IntegerLayer] = {}
        self.curves: dict[str, npt.NDArray[np.float32]] = {}

    def add(self, name: str, layer: Linear, seen: _FLOAT, given: _FLOAT) -> None:
        """A layer whose inputs are integers of ``seen`` a unit, and its outputs of ``given``."""
        shape = self._shapes[name]
        weights = layer.weight.detach().double().numpy()
        if isinstance(layer, nn.ConvTranspose2d):
            weights = weights.reshape(len(weights), -1).T
        weights = weights.reshape(shape.outputs, shape.inputs)
        bias = torch.zeros(shape.outputs) if layer.bias is None else layer.bias
        biases = bias.detach().double().numpy()
        self.layers[name] = integer_layer(shape, weights * given[:, None] / seen, biases * given)

    def block(self, name: str, block: WideBlock, stream: _FLOAT, ranges: Ranges, at: str) -> None:
        """A wide block in a stream of that many integers a unit."""
        coarse = COARSE / ranges.of(f"{at}.dw")
        # One scale for all channels: the activation, a curve of the layer, is not linear.
        inside = np.full(2 * len(stream), STREAM / ranges.of(f"{at}.a").max())
        curve = self._activation(torch.from_numpy(np.arange(-STREAM, STREAM + 1) / inside[0]))
        after = HIDDEN / curve.abs().max().item()
        # A depthwise layer's channels do not mix: the scale of what it sees belongs to its rows.
        self.add(f"{name}.dw", block.dw, stream[:, None], coarse)
        self.add(f"{name}.a", block.a, coarse, inside)
        self.add(f"{name}.b", block.b, np.full(2 * len(stream), after), stream)
        self.curves[name] = np.rint(curve.numpy() * after).astype(np.float32)

    def low(self, name: str, body: nn.Sequential, outside: _FLOAT, ranges: Ranges) -> None:
        """The body at half resolution of a stream of ``outside``."""
        blocks = [f"low.{index}" for index in range(1, len(body) - 1)]
        stream = STREAM / ranges.of("low.0", *blocks)
        coarse = np.repeat(outside, 4) / _STREAM_PER_COARSE
        enter, *inside, leave = body
        self.add(f"{name}.enter", cast(Linear, enter), coarse, stream)
        for index, block in enumerate(inside):
            self.block(f"{name}.{index}", cast(WideBlock, block), stream, ranges, blocks[index])
        seen, given = stream / _STREAM_PER_COARSE, np.repeat(outside, 4)
        self.add(f"{name}.leave", cast(Linear, leave), seen, given)


def _decoder(maker: _Maker, network: SecondDecoder, ranges: Ranges, shape: LoopShape) -> None:
    per_latent = np.full(shape.channels, float(UNITS_PER_LATENT))
    white = float(MIDDLE * _FINE)
    stream = STREAM / ranges.of("stem", "body.0.input", "body.0", "body.1")
    fine = STREAM / ranges.of("fine.input", "fine")
    seen = np.append(per_latent * _LATENT_SCALE, _QUANTISERS_PER_OCTAVE)
    maker.add("decoder.linear", network.linear, per_latent, np.full(192, white))
    maker.add("decoder.stem", network.stem, np.repeat(seen, 9), stream)
    maker.low("decoder.low", network.low, stream, ranges)
    for index, block in enumerate(network.body):
        maker.block(
            f"decoder.body.{index}", cast(WideBlock, block), stream, ranges, f"body.{index}"
        )
    maker.add("decoder.up", network.up, stream / _STREAM_PER_COARSE, np.repeat(fine, 4))
    maker.block("decoder.fine", network.fine, fine, ranges, "fine")
    taps = np.repeat(fine / _STREAM_PER_COARSE, 9)
    maker.add("decoder.head", network.head, taps, np.full(48, white))


def _encoder(maker: _Maker, network: SecondEncoder, ranges: Ranges, shape: LoopShape) -> None:
    latents = np.full(shape.channels, float(UNITS_PER_LATENT * _FINE))
    fine = STREAM / ranges.of("stem", "fine")
    stream = STREAM / ranges.of("down", "body.0", "body.1", "head.input")
    maker.add("encoder.linear", network.linear, np.full(192, float(MIDDLE)), latents)
    maker.add("encoder.stem", network.stem, np.full(9 * 48, float(MIDDLE)), fine)
    maker.block("encoder.fine", network.fine, fine, ranges, "fine")
    maker.add("encoder.down", network.down, np.repeat(fine, 4) / _STREAM_PER_COARSE, stream)
    for index, block in enumerate(network.body):
        maker.block(
            f"encoder.body.{index}", cast(WideBlock, block), stream, ranges, f"body.{index}"
        )
    maker.low("encoder.low", network.low, stream, ranges)
    maker.add("encoder.head", network.head, np.repeat(stream / _STREAM_PER_COARSE, 9), latents)


def integer_layer(shape: LayerShape, weights: _FLOAT, bias: _FLOAT) -> IntegerLayer:
    """The layer of real weights (outputs, inputs) and biases between integers, every row in as many
    bits as leave its sums exact.
    """
    most = (WIDE_SUM if shape.wide else NARROW_SUM) - _SUM_HEADROOM
    sums = np.abs(weights).sum(1) * shape.limit + np.abs(bias) + 0.5
    slack = shape.limit * shape.inputs / 2  # of rounding the weights
    finest = np.minimum(
        (most - slack) / sums, _WEIGHT_LIMIT / np.maximum(np.abs(weights).max(1), 1e-9)
    )
    finest = np.minimum(finest, (1 << 30) / np.maximum(np.abs(bias), 1e-9))
    if finest.min() < 1:
        raise ValueError(f"{shape.name}: weights are too large for exact sums")
    shift = np.minimum(np.floor(np.log2(finest)), LARGEST_SHIFT).astype(np.int64)
    scale = np.exp2(shift)
    half = np.where(shift > 0, scale / 2, 0)
    kind = np.float64 if shape.wide else np.float32
    rounded = np.rint(weights * scale[:, None]).astype(kind)
    return IntegerLayer(shape, rounded, np.rint(bias * scale + half).astype(kind)[:, None], shift)
