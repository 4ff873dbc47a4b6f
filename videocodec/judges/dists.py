"""DISTS (Ding et al. 2020, "Image Quality Assessment: Unifying Structure and Texture Similarity"),
from a safetensors file the user names.

The file holds VGG-16 as torchvision names it (``features.0.weight`` … ``features.28.bias``) and
``alpha`` and ``beta``, (1, 1475, 1, 1) each: a number for every channel of the picture and of the
last layer of each of the five stages.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from .weights_file import load_checked

# convolutions, by torchvision's numbers
STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
CHANNELS = (3, 64, 128, 256, 512, 512)
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_STABLE = 1e-6


def _shapes() -> dict[str, tuple[int, ...]]:
    """Every tensor of a file of weights."""
    shapes: dict[str, tuple[int, ...]] = {
        name: (1, sum(CHANNELS), 1, 1) for name in ("alpha", "beta")
    }
    inputs = CHANNELS[0]
    for layers, channels in zip(STAGES, CHANNELS[1:], strict=True):
        for layer in layers:
            shapes[f"features.{layer}.weight"] = (channels, inputs, 3, 3)
            shapes[f"features.{layer}.bias"] = (channels,)
            inputs = channels
    return shapes


class Dists(nn.Module):
    """Distance of two pictures (B, 3, H, W), RGB in [-1, 1] → (B,), 0 for equal pictures, 1 for
    nothing in common.

    Raises ``UnknownModelError`` for a file that does not hold the weights.
    """

    alpha: torch.Tensor
    beta: torch.Tensor
    _blur: torch.Tensor

    def __init__(self, weights: str | Path) -> None:
        super().__init__()
        for name, value in load_checked(Path(weights), _shapes(), "DISTS with VGG-16").items():
            self.register_buffer(name.replace(".", "_"), value)
        window = torch.hann_window(5, periodic=False)[1:-1]
        self.register_buffer(
            "_blur", torch.outer(window, window) / window.sum() ** 2, persistent=False
        )

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The picture in [0, 1], and the last map of each stage."""
        x = (x + 1) / 2
        maps = [x]
        mean, deviation = (
            torch.tensor(values, device=x.device).reshape(1, 3, 1, 1)
            for values in (_MEAN, _DEVIATION)
        )
        x = (x - mean) / deviation
        for stage, layers in enumerate(STAGES):
            x = x if stage == 0 else self._pooled(x)
            for layer in layers:
                x = F.relu(
                    F.conv2d(
                        x,
                        getattr(self, f"features_{layer}_weight"),
                        getattr(self, f"features_{layer}_bias"),
                        padding=1,
                    )
                )
            maps.append(x)
        return maps

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        total = self.alpha.sum() + self.beta.sum()
        texture = (self.alpha.flatten() / total).split(CHANNELS)
        structure = (self.beta.flatten() / total).split(CHANNELS)
        similarity = torch.zeros(a.shape[0], device=a.device)
        for x, y, of_texture, of_structure in zip(
            self.features(a), self.features(b), texture, structure, strict=True
        ):
            mean_x, mean_y = x.mean((2, 3)), y.mean((2, 3))
            variance_x, variance_y = x.var((2, 3), correction=0), y.var((2, 3), correction=0)
            covariance = (x * y).mean((2, 3)) - mean_x * mean_y
            of_means = (2 * mean_x * mean_y + _STABLE) / (mean_x**2 + mean_y**2 + _STABLE)
            of_shapes = (2 * covariance + _STABLE) / (variance_x + variance_y + _STABLE)
            similarity = similarity + (of_texture * of_means + of_structure * of_shapes).sum(1)
        return 1 - similarity

    def _pooled(self, x: torch.Tensor) -> torch.Tensor:
        """Halved without aliasing: the root of the blurred squares."""
        kernel = self._blur.expand(x.shape[1], 1, 3, 3)
        return (F.conv2d(x * x, kernel, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()
