"""The post-filter of decoded pictures, as it is trained (in integers: ``models.post_filter``)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .starts import zeroed

PATCH = 2  # px a side of the squares that it works on
_INPUTS, _OUTPUTS = 3 * PATCH**2 + 1, 3 * PATCH**2


@dataclass(frozen=True)
class PostFilterShape:
    """Sizes of the network.

    width: features.
    layers: convolutions before the last one.
    """

    width: int = 32
    layers: int = 2


class PostFilterNetwork(nn.Module):
    """Decoded pictures (B, 3, H, W), RGB in [-1, 1], sides multiples of 8, and log2 of the
    quantiser step of every latent position, (B, H/8, W/8) → the filtered pictures.

    3×3 convolutions with zeros around and values limited to ±1, which integers have exactly; a last
    layer of zeros leaves pictures as they are.
    """

    def __init__(self, shape: PostFilterShape) -> None:
        super().__init__()
        self.shape = shape
        inputs = [_INPUTS, *[shape.width] * (shape.layers - 1)]
        layers = [nn.Conv2d(n, shape.width, 3, padding=1) for n in inputs]
        self.layers = nn.ModuleList(layers)
        for index, layer in enumerate(layers):
            _start(layer, 1.0 if index else 0.0)
        self.last = zeroed(nn.Conv2d(shape.width, _OUTPUTS, 3, padding=1))

    def forward(self, pictures: torch.Tensor, log2_steps: torch.Tensor) -> torch.Tensor:
        patches = F.pixel_unshuffle(pictures, PATCH)
        steps = F.interpolate(log2_steps[:, None].to(patches), patches.shape[2:])
        x = torch.cat([patches, steps], 1)
        for layer in self.layers:
            x = F.hardtanh(layer(x))
        return pictures + F.pixel_shuffle(self.last(x), PATCH)


def _start(layer: nn.Conv2d, below: float) -> None:
    """Weights as He et al. 2015 begin with for ReLU, and biases with which limited values are one:
    what is negative is -1.  below: how far its inputs are below those of a ReLU.
    """
    assert layer.bias is not None  # as convolutions have
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    with torch.no_grad():
        layer.bias.copy_(below * layer.weight.sum((1, 2, 3)) - 1)
