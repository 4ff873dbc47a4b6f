"""Pictures of twice the width and height, made of decoded ones.

Bicubic interpolation enlarges the picture, and a network adds what it lacks: what coding took, and
what a camera of twice the resolution might have seen.  It sees the picture as it is shown and the
quantiser step, nothing of the autoencoder, and works at half the picture's resolution; a network of
zeros gives the enlarged picture.  Sub-pixel convolution is that of Shi et al. 2016.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ..errors import UnknownModelError
from .reach import reach_of
from .starts import zeroed

SCALE = 2
_PATCH = 2  # px of the picture, a side, for every position
_POSITIONS = 4  # a side, that share the quantiser step of one latent
_INPUTS, _OUTPUTS = 3 * _PATCH**2 + 1, 3 * (SCALE * _PATCH) ** 2
_BICUBIC_REACH = 2  # px
_STEP_SCALE = 0.5  # of log2 of quantiser steps, which go from about -3 to 4


@dataclass(frozen=True)
class UpscalerShape:
    """Sizes of the network.

    width: features.
    blocks: residual blocks of two convolutions each.
    """

    width: int = 48
    blocks: int = 2


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    """3×3; beyond its edges a picture goes on as it ends, since zeros leave a frame along them."""
    return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="replicate")


class _Block(nn.Module):
    """x + 3×3(ReLU(3×3(x)))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.a, self.b = _convolution(width, width), _convolution(width, width)
        nn.init.normal_(self.b.weight, std=0.02)  # so that blocks start near the identity

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = x + self.b(F.relu(self.a(x)))
        return out


class PictureUpscaler(nn.Module):
    """Decoded pictures (B, 3, H, W), RGB in [-1, 1], and log2 of the quantiser step of every latent
    position, (B, ⌈H/8⌉, ⌈W/8⌉) or larger → pictures (B, 3, 2H, 2W), RGB in about [-1, 1].
    """

    def __init__(self, shape: UpscalerShape) -> None:
        super().__init__()
        self.shape, width = shape, shape.width
        self.linear = zeroed(_convolution(_INPUTS, _OUTPUTS))
        self.stem = _convolution(_INPUTS, width)
        self.body = nn.Sequential(*(_Block(width) for _ in range(shape.blocks)))
        self.last = _convolution(width, width)
        self.head = zeroed(_convolution(width, _OUTPUTS))

    @property
    def reach(self) -> int:
        """How many px around one of the decoded picture the pixels made of it depend on."""
        layers = reach_of(self.stem, self.body, self.last, self.head)
        return max(_PATCH * (layers + 1), _BICUBIC_REACH)

    def load(self, file: Path) -> None:
        """Take over weights, of any float type.  Raises ``UnknownModelError`` for other files."""
        try:
            found = {name: value.float() for name, value in load_file(str(file)).items()}
            self.load_state_dict(found)
        except (OSError, SafetensorError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UnknownModelError(
                f"{file}: no weights of a network for twice the size, {self.shape.width} wide"
                f" ({reason}): give those of python -m tools.train.upscaler"
            ) from error

    def forward(self, pictures: torch.Tensor, log2_steps: torch.Tensor) -> torch.Tensor:
        height, width = pictures.shape[2:]
        padded = F.pad(pictures, (0, width % _PATCH, 0, height % _PATCH), mode="replicate")
        patches = F.pixel_unshuffle(padded, _PATCH)
        steps = log2_steps.repeat_interleave(_POSITIONS, 1).repeat_interleave(_POSITIONS, 2)
        steps = steps[:, None, : patches.shape[2], : patches.shape[3]]
        x = torch.cat([patches, _STEP_SCALE * steps.to(patches)], 1)
        features = F.relu(self.last(self.body(F.relu(self.stem(x)))))
        detail = F.pixel_shuffle(self.linear(x) + self.head(features), SCALE * _PATCH)
        return enlarged(pictures) + detail[:, :, : SCALE * height, : SCALE * width]


def enlarged(pictures: torch.Tensor) -> torch.Tensor:
    """Pictures (B, 3, H, W) at twice the size by bicubic interpolation."""
    return F.interpolate(pictures, scale_factor=SCALE, mode="bicubic", align_corners=False)
