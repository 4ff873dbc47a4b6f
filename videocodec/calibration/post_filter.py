"""A post-filter in integers from the network of a training.

No ranges are measured: what flows between layers is limited to ±1, and pictures are what they are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from bitstream.v2.integer_layers import IntegerLayer, LayerShape
from bitstream.v2.loop_arithmetic import COARSE_BITS, STREAM

from ..models.post_filter import (
    CHANNELS,
    GREY,
    LAST,
    PICTURE_CHANNELS,
    PostFilter,
    layer_shapes,
)
from ..networks.post_filter import PostFilterNetwork
from .loop_networks import integer_layer

_QUANTISERS_PER_OCTAVE = 12
_FLOAT = npt.NDArray[np.float64]


def integer_post_filter(network: PostFilterNetwork) -> PostFilter:
    """The same network in few bits."""
    shapes = {one.name: one for one in layer_shapes(network.shape.width, network.shape.layers)}
    seen = np.full(CHANNELS, GREY / (1 << COARSE_BITS))
    seen[PICTURE_CHANNELS] = _QUANTISERS_PER_OCTAVE
    inside = np.full(network.shape.width, float(STREAM))
    layers = {}
    for index, layer in enumerate(network.layers):
        assert isinstance(layer, nn.Conv2d)  # says the network
        name = f"layers.{index}.stem"
        layers[name] = _layer(shapes[name], layer, seen, inside)
        seen = inside / (1 << COARSE_BITS)
    # A last row of zeros leaves the channel of the quantiser as it is.
    layers[LAST] = _layer(shapes[LAST], network.last, seen, np.full(PICTURE_CHANNELS, float(GREY)))
    return PostFilter(layers)


def _layer(shape: LayerShape, layer: nn.Conv2d, seen: _FLOAT, given: _FLOAT) -> IntegerLayer:
    """A layer whose inputs are integers of ``seen`` a unit, and its outputs of ``given``."""
    weights = layer.weight.detach().double().numpy().reshape(len(given), -1)
    bias = torch.zeros(len(given)) if layer.bias is None else layer.bias
    biases = bias.detach().double().numpy() * given
    weights = weights * given[:, None] / np.repeat(seen, 9)
    missing = shape.outputs - len(given)
    return integer_layer(
        shape, np.pad(weights, ((0, missing), (0, 0))), np.pad(biases, (0, missing))
    )
