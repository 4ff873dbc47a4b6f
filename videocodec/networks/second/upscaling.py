"""Pictures of twice the width and height, by another head on the second autoencoder's decoder.

The usual picture is enlarged by bicubic interpolation, and the head adds what a camera of twice the
resolution might have seen: from the features that the usual head makes pixels of, at 1/4
resolution, and from the usual picture.  Its linear path can be fitted by least squares, beside it
are wide blocks.  A head of zeros gives the enlarged picture.  Sub-pixel convolution is that of Shi
et al. 2016.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ...errors import UnknownModelError
from ..reach import reach_of
from ..starts import zeroed
from .autoencoder import SecondDecoder, WideBlock

SCALE = 2
_PATCH = 4  # px of the usual picture, a side, for every position of the features
_BICUBIC_REACH = 1  # latent positions: the kernel's are 2 px


@dataclass(frozen=True)
class UpscalerShape:
    """Sizes of a head.

    features: of the decoder, at 1/4 resolution.
    width, blocks, kernel: of the head's wide blocks there; the kernel is that of their depthwise
    convolution.
    """

    features: int = 48
    width: int = 64
    blocks: int = 2
    kernel: int = 5


class UpscalingHead(nn.Module):
    """Features (B, F, h, w) of a decoder and its pictures (B, 3, 4h, 4w), RGB in about [-1, 1] →
    pictures (B, 3, 8h, 8w).
    """

    def __init__(self, shape: UpscalerShape) -> None:
        super().__init__()
        self.shape, width = shape, shape.width
        inputs, outputs = shape.features + 3 * _PATCH**2, 3 * (SCALE * _PATCH) ** 2
        self.linear = zeroed(nn.Conv2d(inputs, outputs, 3, padding=1))
        self.stem = nn.Conv2d(inputs, width, 3, padding=1)
        self.body = nn.Sequential(
            *(WideBlock(width, shape.kernel, activation="silu") for _ in range(shape.blocks))
        )
        self.head = zeroed(nn.Conv2d(width, outputs, 3, padding=1))

    @property
    def reach(self) -> int:
        """How many positions around one, of its input, its pixels depend on."""
        return max(reach_of(self.linear), reach_of(self.stem, self.body, self.head))

    def load(self, file: Path) -> None:
        """Take over weights, of any float type.  Raises ``UnknownModelError`` for other files."""
        try:
            found = {name: value.float() for name, value in load_file(str(file)).items()}
            self.load_state_dict(found)
        except (OSError, SafetensorError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UnknownModelError(
                f"{file}: no weights of a head for twice the size, {self.shape.width} wide"
                f" ({reason}): give those of python -m tools.train.upscaler"
            ) from error

    def forward(self, features: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
        x = inputs_of(features, pictures)
        detail = self.linear(x) + self.head(self.body(self.stem(x)))
        return enlarged(pictures) + F.pixel_shuffle(detail, SCALE * _PATCH)


def inputs_of(features: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """What the first layers of a head see, (B, F + 48, h, w)."""
    return torch.cat([features, F.pixel_unshuffle(pictures.clamp(-1, 1), _PATCH)], 1)


def enlarged(pictures: torch.Tensor) -> torch.Tensor:
    """Pictures (B, 3, H, W) at twice the size by bicubic interpolation, of what is seen of them."""
    shown = pictures.clamp(-1, 1)
    return F.interpolate(shown, scale_factor=SCALE, mode="bicubic", align_corners=False)


class UpscalingDecoder(nn.Module):
    """A decoder with such a head in the place of its own: latents (B, C, h, w) and log2 of the
    quantiser step, as of ``SecondDecoder`` → pictures (B, 3, 16h, 16w).
    """

    def __init__(self, decoder: SecondDecoder, head: UpscalingHead) -> None:
        super().__init__()
        self.decoder, self.upscaler = decoder, head

    @property
    def reach(self) -> int:
        """As of ``SecondDecoder``, of 16×16 px for a position."""
        return self.decoder.reach + max(_BICUBIC_REACH, -(-self.upscaler.reach // 2))

    def forward(self, latents: torch.Tensor, log2_step: torch.Tensor) -> torch.Tensor:
        features = self.decoder.features(latents, log2_step)
        made: torch.Tensor = self.upscaler(features, self.decoder.pictures(latents, features))
        return made
