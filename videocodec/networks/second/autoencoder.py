"""Encoder and decoder of the second autoencoder, about 8 thousand multiplications a pixel each.

A linear path (8×8 convolution and its transpose) carries a working block transform from the start;
the network beside it does what a linear map cannot.  Its body runs at 1/16 resolution, where a
multiplication is worth 256 of those at full resolution, with a light renderer above it; blocks are
ConvNeXt's (Liu et al. 2022) without normalisation, whose statistics would make a frame depend on
its size, and by default with ReLU, which integers can do exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ..reach import reach_of
from ..starts import zeroed

_STRIDE = 8  # px a latent
_PATCH = 4  # px: pixels are unshuffled to so many a side before the first layer
_LATENT_SCALE = 3.0  # about the deviation of latents, which the decoder's network sees as 1


ACTIVATIONS = {"relu": F.relu, "silu": F.silu}


@dataclass(frozen=True)
class SecondShape:
    """Sizes of the networks.

    channels: of latents.
    fine_width, width: features at 1/4 and 1/8 resolution.
    encoder_low_width, encoder_low_blocks, decoder_low_width, decoder_low_blocks: features and
    blocks at 1/16.
    activation: of the wide blocks, one of ``ACTIVATIONS``.
    hidden: units of every context network of the rate model.
    """

    channels: int = 48
    fine_width: int = 48
    width: int = 96
    encoder_low_width: int = 192
    encoder_low_blocks: int = 2
    decoder_low_width: int = 256
    decoder_low_blocks: int = 3
    activation: str = "relu"
    hidden: int = 32


class WideBlock(nn.Module):
    """x + 1×1(f(1×1(depthwise(x)))), (B, C, h, w) → the same; starts almost as the identity.

    The depthwise convolution stays in full precision on CPUs, where bfloat16 makes it slower.
    """

    def __init__(
        self, channels: int, kernel: int = 5, expansion: int = 2, activation: str = "relu"
    ) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.dw = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.a = nn.Conv2d(channels, expansion * channels, 1)
        self.b = nn.Conv2d(expansion * channels, channels, 1)
        zeroed(self.b)
        nn.init.normal_(self.b.weight, std=1e-3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", enabled=False):
            y = self.dw(x.float() if x.device.type == "cpu" else x)
        out: torch.Tensor = x + self.b(self.activation(self.a(y)))
        return out


def low_body(width: int, low_width: int, blocks: int, activation: str) -> nn.Sequential:
    """Layers at half resolution: (B, 4·width, h, w) → the same."""
    middle = [WideBlock(low_width, activation=activation) for _ in range(blocks)]
    return nn.Sequential(
        nn.Conv2d(4 * width, low_width, 1), *middle, nn.Conv2d(low_width, 4 * width, 1)
    )


def at_half_resolution(body: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Run a body on x (B, C, h, w), unshuffled to (B, 4C, ⌈h/2⌉, ⌈w/2⌉) → (B, C, h, w)."""
    height, width = x.shape[2:]
    if height % 2 or width % 2:
        x = F.pad(x, (0, width % 2, 0, height % 2), mode="replicate")
    return F.pixel_shuffle(body(F.pixel_unshuffle(x, 2)), 2)[:, :, :height, :width]


class SecondEncoder(nn.Module):
    """RGB in [-1, 1], (B, 3, H, W) with H and W multiples of 8 → latents (B, C, H/8, W/8)."""

    def __init__(self, shape: SecondShape) -> None:
        super().__init__()
        fine, width, kind = shape.fine_width, shape.width, shape.activation
        self.linear = nn.Conv2d(3, shape.channels, _STRIDE, stride=_STRIDE, bias=False)
        self.stem = nn.Conv2d(3 * _PATCH**2, fine, 3, padding=1)
        self.fine = WideBlock(fine, activation=kind)
        self.down = nn.Conv2d(fine, width, 2, stride=2)
        self.body = nn.Sequential(*(WideBlock(width, activation=kind) for _ in range(2)))
        self.low = low_body(width, shape.encoder_low_width, shape.encoder_low_blocks, kind)
        self.head = nn.Conv2d(width, shape.channels, 3, padding=1)
        zeroed(self.head)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        x = self.fine(self.stem(F.pixel_unshuffle(pictures, _PATCH)))
        x = self.body(self.down(x))
        latents: torch.Tensor = self.linear(pictures) + self.head(
            x + at_half_resolution(self.low, x)
        )
        return latents


class SecondDecoder(nn.Module):
    """Latents (B, C, h, w) and log2 of the quantiser step, (B,) or a map (B, h, w) → RGB in about
    [-1, 1], (B, 3, 8h, 8w).
    """

    def __init__(self, shape: SecondShape) -> None:
        super().__init__()
        fine, width, kind = shape.fine_width, shape.width, shape.activation
        self.linear = nn.ConvTranspose2d(shape.channels, 3, _STRIDE, stride=_STRIDE, bias=False)
        self.stem = nn.Conv2d(shape.channels + 1, width, 3, padding=1)
        self.low = low_body(width, shape.decoder_low_width, shape.decoder_low_blocks, kind)
        self.body = nn.Sequential(*(WideBlock(width, activation=kind) for _ in range(2)))
        self.up = nn.Conv2d(width, 4 * fine, 1)
        self.fine = WideBlock(fine, kernel=3, activation=kind)
        self.head = nn.Conv2d(fine, 3 * _PATCH**2, 3, padding=1)
        zeroed(self.head)

    @property
    def reach(self) -> int:
        """How many latent positions around one the 8×8 px of a position depend on, in pictures that
        begin at an even position.
        """
        low = 2 * reach_of(self.low) + 1  # pairs of positions, of which the other one is seen too
        fine = reach_of(self.fine, self.head)  # at twice the resolution
        return reach_of(self.stem, self.body, self.up) + low + -(-fine // 2)

    def features(self, latents: torch.Tensor, log2_step: torch.Tensor) -> torch.Tensor:
        """What the head makes pixels of, (B, fine width, 2h, 2w); arguments as of ``forward``."""
        plane = log2_step.to(latents)
        if plane.ndim == 1:
            plane = plane[:, None, None].expand(-1, *latents.shape[2:])
        x = self.stem(torch.cat([latents / _LATENT_SCALE, plane[:, None]], 1))
        x = self.body(x + at_half_resolution(self.low, x))
        features: torch.Tensor = self.fine(F.pixel_shuffle(self.up(x), 2))
        return features

    def pictures(self, latents: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """The pictures of latents and of the features that were made of them."""
        made: torch.Tensor = self.linear(latents) + F.pixel_shuffle(self.head(features), _PATCH)
        return made

    def forward(self, latents: torch.Tensor, log2_step: torch.Tensor) -> torch.Tensor:
        return self.pictures(latents, self.features(latents, log2_step))
