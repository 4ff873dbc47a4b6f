"""The post-filter of decoded pictures, as it is trained (in integers: ``models.post_filter``)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ..errors import UnknownModelError
from .starts import zeroed

PATCH = 2  # px a side of the squares that it works on
_NOISE = 0.2  # of layers that are added, times what a new network begins with
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

    @classmethod
    def load(cls, file: Path) -> PostFilterNetwork:
        """From the weights of a training, of any float type.  Raises ``UnknownModelError``."""
        try:
            tensors = {name: tensor.float() for name, tensor in load_file(str(file)).items()}
            layers = sum(name.endswith(".weight") for name in tensors) - 1
            network = cls(PostFilterShape(tensors["last.weight"].shape[1], layers))
            network.load_state_dict(tensors)
        except (OSError, SafetensorError, KeyError, IndexError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UnknownModelError(
                f"{file}: no weights of a post-filter ({reason}): give the safetensors file of a"
                " training run"
            ) from error
        return network

    def deepened(self, layers: int) -> PostFilterNetwork:
        """A network of so many layers, as many or more, that begins as nearly the same: its new
        layers hand on what they see, which lies within their limits, and a little noise.
        """
        made, old = PostFilterNetwork(replace(self.shape, layers=layers)), self.shape.layers
        found = self.state_dict()
        with torch.no_grad():
            for index in range(old, layers):
                layer = made.layers[index]
                assert isinstance(layer, nn.Conv2d) and layer.bias is not None
                weight = _NOISE * layer.weight
                layer.bias.copy_(weight.sum((1, 2, 3)))  # where all is -1 nothing changes
                weight[range(len(weight)), range(len(weight)), 1, 1] += 1
                layer.weight.copy_(weight)
        made.load_state_dict(made.state_dict() | found)
        return made

    def at_one_step(self, pictures: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        """As ``forward``, for pictures that have one quantiser step each, (B,)."""
        _, _, height, width = pictures.shape
        everywhere = torch.log2(steps)[:, None, None].expand(-1, height // 8, width // 8)
        return self.forward(pictures, everywhere)

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
